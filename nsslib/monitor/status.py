"""How far a sweep is, by looking at its directory from any machine; nothing is opened for writing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from nsslib.config.files import parse
from nsslib.config.schema import Config
from nsslib.errors import UserError
from nsslib.grid.shard import Shard, shards
from nsslib.monitor.heartbeat import Beat, beside, read

SILENT_SECONDS = 120.0
"""Age of the last beat from which on a shard no longer counts as running."""

_TIMED = 3
"""Finished shards of a place that are asked how long they took."""


@dataclass
class Progress:
    """Shards of one (block, gamma, N).

    Attributes
    ----------
    done, running, queued, failed : int
        Queued: not begun, or saved and waiting for another try. Failed: the last try ended with a
        reason, or fell silent.
    seconds_left : float
        Core-seconds still to be spent; nan while no shard of the place has told its speed.
    """

    place: str
    done: int = 0
    running: int = 0
    queued: int = 0
    failed: int = 0
    seconds_left: float = 0.0


@dataclass
class Status:
    """A sweep seen from outside: counts by place, and the shards that run or failed."""

    rows: list[Progress]
    running: dict[str, Beat] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Finished shards."""
        return sum(row.done for row in self.rows)

    @property
    def total(self) -> int:
        """All shards."""
        return sum(row.done + row.running + row.queued + row.failed for row in self.rows)


def config_of(results: Path) -> Config:
    """Config that the results were made with.

    Raises
    ------
    UserError
        If there is none, or it is damaged.
    """
    path = results / "config.json"
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")), str(path))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: not there; give the directory of a sweep, as results/NAME") from None
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: damaged: {error}") from None


def status(results: Path) -> Status:
    """Look at every shard of a sweep."""
    places: dict[str, list[Shard]] = {}
    for shard in shards(config_of(results)):
        places.setdefault(shard.place, []).append(shard)
    found = Status([])
    for place, members in places.items():
        row = Progress(place)
        times: list[float] = []
        open_beats: list[Beat | None] = []
        for shard in members:
            if (results / shard.path / "zarr.json").exists():
                row.done += 1
                if len(times) < _TIMED:
                    times.append(_wall_time(results / shard.path))
                continue
            told = read(beside(results / "checkpoints" / shard.path.replace(".zarr", ".npz")))
            open_beats.append(told[0] if told else None)
            _count(row, found, shard.label, told)
        row.seconds_left = _left(times, open_beats)
        found.rows.append(row)
    return found


def _count(row: Progress, found: Status, label: str, told: tuple[Beat, float] | None) -> None:
    """Count a shard that has no store by its last beat and the age of that."""
    if told is None or told[0].reason.startswith("SIGTERM"):  # saved, to go on in another try
        row.queued += 1
    elif told[0].reason or told[1] > SILENT_SECONDS:
        row.failed += 1
        silent = f"silent for {told[1] / 60:.0f} minutes on {told[0].host}; killed, or the node is lost"
        found.failed[label] = told[0].reason or silent
    else:
        row.running += 1
        found.running[label] = told[0]


def _wall_time(path: Path) -> float:
    """Seconds that a finished shard took, from the attributes of its store."""
    try:
        return float(json.loads((path / "zarr.json").read_text(encoding="utf-8"))["attributes"]["wall_time_s"])
    except (OSError, ValueError, KeyError):
        return float("nan")


def _left(times: list[float], beats: list[Beat | None]) -> float:
    """Core-seconds that the shards without a store still need, from the speed of the others."""
    if not beats:
        return 0.0
    speeds = [beat.total / beat.rate for beat in beats if beat and beat.rate > 0.0]
    whole = sum(speeds) / len(speeds) if speeds else sum(times) / len(times) if times else float("nan")
    return sum(whole * (1.0 - beat.step / beat.total if beat and beat.total else 1.0) for beat in beats)
