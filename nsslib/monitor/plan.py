"""What a sweep will cost, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nsslib.config.schema import Config
from nsslib.grid import cost
from nsslib.grid.batch import batches
from nsslib.grid.task import Task, engine


@dataclass(frozen=True)
class Estimate:
    """Cost of the shards of one (block, gamma, N).

    Attributes
    ----------
    columns, asked : int
        Columns of a shard, and those of them that the user asked for.
    seconds, memory, disk : float
        Of one shard: core-seconds on this machine, bytes of memory, bytes of the store before
        compression.
    """

    place: str
    shards: int
    jobs: int
    columns: int
    asked: int
    seconds: float
    memory: float
    disk: float

    @property
    def cpu_hours(self) -> float:
        """Of all shards."""
        return self.shards * self.seconds / 3600.0


def estimates(config: Config) -> list[Estimate]:
    """Estimate every (block, gamma, N) of a config; one short timing for each kind of shard."""
    groups: dict[str, list[tuple[Task, ...]]] = {}
    for batch in batches(config):
        groups.setdefault(batch.shards[0].place, []).append(batch.shards)
    timed: dict[tuple[object, ...], float] = {}
    rows = []
    for place, jobs in groups.items():
        shard = jobs[0][0]
        work = (shard.kind, shard.N, shard.flop())
        if work not in timed:
            measure: Callable[[Task], float] = getattr(engine(shard), "measure", Task.seconds)
            timed[work] = measure(shard)
        sizes = sum(map(len, jobs)), len(jobs), *shard.columns()
        rows.append(Estimate(place, *sizes, timed[work], cost.memory(shard), shard.disk()))
    return rows
