"""What a sweep will cost, before anything runs."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from nsslib.config import Config
from nsslib.grid import Shard, batches
from nsslib.observables import pairs
from nsslib.sampling.run import Run

TIMING_SECONDS = 0.5
BASE_BYTES = 350 * 2**20
"""Interpreter, libraries and compiled kernels."""


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
            Estimate(place, sum(map(len, jobs)), len(jobs), shard.columns, cells, timed[kind] * steps, *_bytes(shard))
        )
    return rows


def seconds_per_step(shard: Shard) -> float:
    """Mean time of a step of a shard on this machine, exchange and recording included."""
    with threadpool_limits(1):
        run = Run(shard)
        run.t = shard.sampler.burn_in
        run.step()
        times: list[float] = []
        while len(times) < 3 or (len(times) < 20 and sum(times) < TIMING_SECONDS):
            began = time.perf_counter()
            run.step()
            times.append(time.perf_counter() - began)
    return float(np.mean(times))


def _bytes(shard: Shard) -> tuple[float, float]:
    """Memory while a shard runs, and its store before compression."""
    sampler = shard.sampler
    item = np.dtype(sampler.precision).itemsize
    state = 12 * item * shard.columns * shard.N + (8 + 2 * item) * shard.N**2
    cells = len(shard.g) * len(shard.beta)
    draws = sampler.steps // sampler.save.observables
    numbers = draws * cells * (8 * sampler.replicas + 3 * len(pairs(sampler.replicas)))
    frames = sampler.steps // sampler.save.trajectories if sampler.save.trajectories else 0
    trajectory = 4 * frames * cells * sampler.replicas * shard.N
    scratch = 10 * 8 * cells * sampler.replicas * shard.N
    return BASE_BYTES + state + scratch + 12 * numbers + 2 * trajectory, 4 * numbers + trajectory
