"""What a running shard shows to others: a small file beside its checkpoint, rewritten now and then."""

from __future__ import annotations

import contextlib
import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from nsslib.errors import Terminated, UserError
from nsslib.monitor.progress import Pace
from nsslib.storage import atomic

SECONDS_BETWEEN_BEATS = 5.0


class State(StrEnum):
    """What became of the last try of a shard."""

    RUNNING = "running"
    SAVED = "saved"
    FAILED = "failed"


@dataclass(frozen=True)
class Beat:
    """How far a shard is.

    Attributes
    ----------
    host : str
        Where it runs, or ran.
    state : State
        Saved: asked to end, another try continues from its checkpoint.
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
    state: State = State.RUNNING
    step: int = 0
    total: int = 0
    rate: float = 0.0
    remark: str = ""
    reason: str = ""


class Heartbeat:
    """Writer of the file of one shard, as a context: without an error the file is gone at the end.

    It never stops a run: what it cannot write is left out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pace = Pace(SECONDS_BETWEEN_BEATS)
        self._beat = Beat(platform.node())

    def on_step(self, done: int, total: int, acceptance: float, remark: str) -> None:
        """Remember a step, as `nsslib.grid.sitting.OnStep`; the first one is written at once."""
        first = not self._beat.step
        rate = self._pace.rate(done)
        self._beat = replace(self._beat, step=done, total=total, rate=rate, remark=remark or self._beat.remark)
        if first or self._pace.due():
            self._write()

    def __enter__(self) -> Heartbeat:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None:  # the store shows that the shard is done
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            return
        state = State.SAVED if isinstance(error, Terminated) else State.FAILED
        lines = str(error).strip().splitlines() or [type(error).__name__]
        self._beat = replace(self._beat, state=state, reason=lines[-1])
        self._write()

    def _write(self) -> None:
        with contextlib.suppress(UserError):
            atomic.write_text(self._path, json.dumps(asdict(self._beat)), durable=False)


def path_of(checkpoint: Path) -> Path:
    """Heartbeat of the shard that has this checkpoint."""
    return checkpoint.with_suffix(".json")


def read(path: Path, now: Callable[[Path], float] = atomic.now) -> tuple[Beat, float] | None:
    """Last beat and its age in seconds by the clock of its directory; None if nothing can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        beat, written = Beat(**content | {"state": State(content["state"])}), path.stat().st_mtime
        return beat, max(0.0, now(path.parent) - written)
    except (OSError, ValueError, TypeError, KeyError):
        return None
