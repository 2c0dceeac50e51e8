"""How far a sweep is, read from its directory on any machine, which need not be writable."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from nsslib.config.files import parse
from nsslib.config.schema import Config
from nsslib.errors import UserError
from nsslib.grid.task import Task, shards
from nsslib.monitor import heartbeat
from nsslib.monitor.heartbeat import Beat, State
from nsslib.storage import atomic

SILENT_SECONDS = 120.0
"""Age of the last beat from which on a shard no longer counts as running."""

_TIMED = 3
"""Finished shards of a place whose time is read."""


@dataclass
class PlaceStatus:
    """Shards of one (block, gamma, N).

    Attributes
    ----------
    done, running, queued, failed : int
        Queued: not begun, or saved and waiting for another try. Failed: the last try ended with an
        error, or fell silent.
    seconds_left : float
        Core-seconds still to be spent; nan while no shard of the place has a known speed.
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

    rows: list[PlaceStatus]
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
    """Count the shards of a sweep by their stores and heartbeats."""
    by_place: dict[str, list[Task]] = {}
    for shard in shards(config_of(results)):
        by_place.setdefault(shard.place, []).append(shard)
    sweep, now = Status([]), cache(atomic.now)
    for place, members in by_place.items():
        row = PlaceStatus(place)
        times: list[float] = []
        beats: list[Beat | None] = []
        for shard in members:
            if (results / shard.path / "zarr.json").exists():
                row.done += 1
                if len(times) < _TIMED:
                    times.append(_wall_time(results / shard.path))
            else:
                checkpoint = results / shard.checkpoint
                beat, age = heartbeat.read(heartbeat.path_of(checkpoint), now) or (None, 0.0)
                beats.append(beat)
                _count(row, sweep, shard.label, beat, age)
        row.seconds_left = _seconds_left(times, beats)
        sweep.rows.append(row)
    return sweep


def _count(row: PlaceStatus, sweep: Status, label: str, beat: Beat | None, age: float) -> None:
    """Count a shard that has no store by its last beat and the age of that."""
    if beat is None or beat.state == State.SAVED:
        row.queued += 1
    elif beat.state == State.RUNNING and age <= SILENT_SECONDS:
        row.running += 1
        sweep.running[label] = beat
    else:
        row.failed += 1
        silent = f"silent for {age / 60:.0f} minutes on {beat.host}; killed, or the node is lost"
        sweep.failed[label] = beat.reason or silent


def _wall_time(path: Path) -> float:
    """Seconds that a finished shard took, from the attributes of its store."""
    try:
        return float(json.loads((path / "zarr.json").read_text(encoding="utf-8"))["attributes"]["wall_time_s"])
    except (OSError, ValueError, KeyError):
        return float("nan")


def _seconds_left(times: list[float], beats: list[Beat | None]) -> float:
    """Core-seconds that shards without a store still need.

    A whole shard takes as long as the speeds of the others say, or else as long as finished ones took.
    """
    if not beats:
        return 0.0
    durations = [beat.total / beat.rate for beat in beats if beat and beat.rate > 0.0] or times
    if not durations:
        return math.nan
    shards_left = sum(1.0 - beat.step / beat.total if beat and beat.total else 1.0 for beat in beats)
    return shards_left * sum(durations) / len(durations)
