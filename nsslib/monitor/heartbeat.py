"""What a running shard tells from outside: a small file beside its checkpoint, rewritten now and then."""

from __future__ import annotations

import contextlib
import json
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from nsslib.errors import UserError
from nsslib.storage import atomic

SECONDS_BETWEEN_BEATS = 5.0


@dataclass(frozen=True)
class Beat:
    """Where a shard stands.

    Attributes
    ----------
    host : str
        Where it runs, or ran.
    step, total : int
        Steps done, over all tries, and wanted.
    rate : float
        Steps a second of this try.
    remark : str
        The worst cell in words.
    reason : str
        Why this try ended, one line; empty while it runs.
    """

    host: str
    step: int = 0
    total: int = 0
    rate: float = 0.0
    remark: str = ""
    reason: str = ""


class Heartbeat:
    """Writer of the file of one shard. What it can not write is left out: it never stops a run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began = time.monotonic()
        self._next, self._first = self._began, -1
        self._beat = Beat(platform.node())

    def watch(self, done: int, total: int, acceptance: float, remark: str) -> None:
        """Be told of a step, as `nsslib.sampling.run.Watch`."""
        now = time.monotonic()
        self._first = done - 1 if self._first < 0 else self._first
        if now < self._next:
            return
        self._next = now + SECONDS_BETWEEN_BEATS
        rate = (done - self._first) / max(now - self._began, 1e-9)
        self._write(Beat(self._beat.host, done, total, rate, remark or self._beat.remark))

    def end(self, error: BaseException) -> None:
        """Leave the reason why this try ended without a result."""
        lines = str(error).strip().splitlines() or [type(error).__name__]
        self._write(Beat(**asdict(self._beat) | {"reason": lines[-1]}))

    def remove(self) -> None:
        """The shard is done; its store speaks for itself."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _write(self, beat: Beat) -> None:
        self._beat = beat
        with contextlib.suppress(UserError):
            atomic.write_text(self._path, json.dumps(asdict(beat)))


def beside(checkpoint: Path) -> Path:
    """File of the shard that has this checkpoint."""
    return checkpoint.with_suffix(".json")


def read(path: Path) -> tuple[Beat, float] | None:
    """Last beat and its age in seconds; None where there is none that can be read."""
    try:
        return Beat(**json.loads(path.read_text(encoding="utf-8"))), max(0.0, time.time() - path.stat().st_mtime)
    except (OSError, ValueError, TypeError):
        return None
