"""Aligned groups of shards that one job computes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from nsslib.config.schema import Config
from nsslib.grid.identity import named
from nsslib.grid.task import Task, shards

BATCH_FLOP = 6e12
"""Work of one job (a minute and a half at 70 GF/s) up to which small shards are run together."""


LARGEST_BATCH = 6
"""Binary logarithm of the largest number of shards in a job."""


@dataclass(frozen=True)
class Batch:
    """Shards of one (block, gamma, N) that one job computes one after another."""

    label: str
    shards: tuple[Task, ...]

    @property
    def name(self) -> str:
        """The batch in logs and messages."""
        return f"{self.shards[0].place}/{self.label}"

    @cached_property
    def manifest(self) -> str:
        """What the job declares as its output, relative to the results: a record of its shards."""
        return named(self.name, [self.shards[0].settings(), [shard.seed for shard in self.shards]])

    @property
    def labels(self) -> set[str]:
        """Labels of all batches, of this size or another, that may hold one of these shards."""
        return {_label(shard.seed, 2**k) for shard in self.shards for k in range(LARGEST_BATCH + 1)}


def _label(seed: int, size: int) -> str:
    first = seed // size * size
    return f"seeds={first}-{first + size - 1}"


def batches(config: Config) -> list[Batch]:
    """Group shards into jobs.

    Batch k of a (block, gamma, N) holds the seeds in [k n, (k + 1) n), n a power of two (1 to 64)
    chosen by the work of one shard: adding seeds never moves the others to another job.
    """
    groups: dict[tuple[str, str], list[Task]] = {}
    sizes: dict[str, int] = {}
    for shard in shards(config):
        place = shard.place
        if place not in sizes:
            sizes[place] = 2 ** min(max(math.floor(math.log2(BATCH_FLOP / max(shard.flop(), 1.0))), 0), LARGEST_BATCH)
        groups.setdefault((place, _label(shard.seed, sizes[place])), []).append(shard)
    return [Batch(label, tuple(members)) for (_, label), members in groups.items()]
