"""What a sweep will cost, before anything runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from nsslib.config.schema import Config
from nsslib.grid import cost
from nsslib.grid.batch import batches
from nsslib.grid.shard import Shard
from nsslib.sampling.run import Run

TIMING_SECONDS = 0.3
TIMED_FLOP = 5e9
"""Work of a step above which a smaller grid on the same couplings is timed."""


@dataclass(frozen=True)
class Estimate:
    """Cost of the shards of one (block, gamma, N).

    Attributes
    ----------
    seconds, memory, disk : float
        Of one shard: core-seconds on this machine, bytes of memory, bytes of the store before
        compression.
    """

    place: str
    shards: int
    jobs: int
    columns: int
    cells: int
    seconds: float
    memory: float
    disk: float

    @property
    def cpu_hours(self) -> float:
        """Of all shards."""
        return self.shards * self.seconds / 3600.0


def estimates(config: Config) -> list[Estimate]:
    """Estimate every (block, gamma, N) of a config; one short timing for each kind of shard."""
    groups: dict[str, list[tuple[Shard, ...]]] = {}
    for batch in batches(config):
        groups.setdefault(batch.shards[0].place, []).append(batch.shards)
    timed: dict[tuple[object, ...], float] = {}
    rows = []
    for place, jobs in groups.items():
        shard = jobs[0][0]
        kind = (shard.N, shard.columns, shard.ladders)
        if kind not in timed:
            timed[kind] = seconds_per_step(shard)
        steps = shard.sampler.burn_in + shard.sampler.steps
        cells = len(shard.g) * len(shard.beta) * shard.sampler.replicas
        rows.append(
            Estimate(
                place, sum(map(len, jobs)), len(jobs), shard.columns, cells, timed[kind] * steps,
                cost.memory(shard), cost.disk(shard),
            )
        )  # fmt: skip
    return rows


def seconds_per_step(shard: Shard) -> float:
    """Mean time of a step of a shard on this machine, exchange and recording included."""
    sample = _sample(shard)
    with threadpool_limits(1):
        run = Run(sample)
        # The first step records, so that all kernels are compiled before the clock starts.
        run.t = sample.sampler.burn_in + sample.sampler.save.observables - 1
        run.step()
        times: list[float] = []
        while len(times) < 3 or (len(times) < 20 and sum(times) < TIMING_SECONDS):
            began = time.perf_counter()
            run.step()
            times.append(time.perf_counter() - began)
    return float(np.mean(times)) * shard.flop / sample.flop


def _sample(shard: Shard) -> Shard:
    """The shard, or a part of its grid if steps are long: the columns of a large one cost the same each.

    Nor is a preconditioner made for a large one: its products cost what others do.
    """
    plain = shard.sampler.model_copy(update={"precondition": False})
    parts = [shard] + [replace(shard, g=shard.g[:1], beta=beta, sampler=plain) for beta in (shard.beta, shard.beta[:2])]
    steps = shard.sampler.burn_in + shard.sampler.steps
    return next((part for part in parts if part.flop / steps < TIMED_FLOP), parts[-1])
