"""What shards and jobs cost, by formula: bytes, and an upper bound of the time.

Light: every job of a workflow reads this module. `nsslib.monitor.plan` times the steps on this machine instead.
"""

from __future__ import annotations

import math

from nsslib.config.schema import Config
from nsslib.grid.axes import axes
from nsslib.grid.batch import Batch
from nsslib.grid.shard import Shard
from nsslib.model.observables import OBSERVABLES

MIB = 2**20
PYTHON_BYTES = 350 * MIB
"""Interpreter, libraries and compiled kernels."""
SNAKEMAKE_BYTES = 300 * MIB
"""The two Snakemake processes that start a SLURM job and count to its memory."""

FLOP_RATE = 10e9
"""Matrix products of one core: a quarter of what AVX2 cores reach with float64, for slow and for shared ones."""
SECONDS_PER_ELEMENT = 2e-8
"""Everything else in a force evaluation, for a unit of a column: tanh, random numbers, recording."""
SECONDS_PER_STEP = 2e-3
"""What a step costs however small it is."""
START_UP_SECONDS = 300.0
"""Before the first step: Snakemake boots twice from a shared file system, a node's first job compiles kernels."""
SECONDS_PER_TABLE = 0.5
"""Checking, reading and reducing a small shard."""
SECONDS_PER_DRAW = 1e-5
"""Reducing a draw of a cell; twice what is measured."""
TABLE_BYTES = 4 * 77 * 8
"""Of one cell of one disorder sample: some 77 variables, and copies of them while errors are computed."""


def seconds(shard: Shard) -> float:
    """Core-seconds that a shard does not exceed on a processor of the last ten years, start-up apart."""
    elements = 0.5 * shard.N * shard.columns * shard.products
    steps = shard.sampler.burn_in + shard.sampler.steps
    return shard.flop / FLOP_RATE + SECONDS_PER_ELEMENT * elements + SECONDS_PER_STEP * steps


def memory(shard: Shard) -> float:
    """Bytes of memory while a shard is sampled and stored."""
    item = 8 if shard.sampler.precision == "float64" else 4
    state = 12 * item * shard.columns * shard.N + (8 + 4 * item) * shard.N**2
    cells = len(shard.g) * len(shard.beta)
    scratch = 10 * 8 * cells * shard.sampler.replicas * shard.N
    # The series in float64, and twice more while a checkpoint is put together.
    numbers, trajectory = _stored(shard)
    return PYTHON_BYTES + state + scratch + 24 * numbers + 2 * trajectory


def disk(shard: Shard) -> float:
    """Bytes of the store of a shard before compression."""
    numbers, trajectory = _stored(shard)
    return 4 * numbers + trajectory


def _stored(shard: Shard) -> tuple[int, int]:
    """How many numbers the series of a shard have, and the bytes of its trajectories."""
    sampler = shard.sampler
    cells = len(shard.g) * len(shard.beta)
    draws = sampler.steps // sampler.save.observables
    of_each = [
        sampler.replicas if o.kind != "pair" else math.comb(sampler.replicas, 2)
        for o in OBSERVABLES.values()
        if o.recorded
    ]
    numbers = draws * cells * sum(of_each)
    frames = sampler.steps // sampler.save.trajectories if sampler.save.trajectories else 0
    return numbers, 4 * frames * cells * sampler.replicas * shard.N


def job_megabytes(batch: Batch, attempt: int = 1) -> int:
    """Memory to ask for a job, in MiB: a quarter more than a shard of it needs, more on every retry."""
    return attempt * math.ceil((SNAKEMAKE_BYTES + 1.25 * memory(batch.shards[0])) / MIB)


def job_minutes(batch: Batch, attempt: int = 1) -> int:
    """Time limit to ask for a job: its shards one after another, longer on every retry."""
    return attempt * math.ceil((START_UP_SECONDS + len(batch.shards) * seconds(batch.shards[0])) / 60)


def reduce_megabytes(config: Config, attempt: int = 1) -> int:
    """Memory to ask for to reduce a sweep, in MiB: the table of all disorder samples."""
    cells = math.prod(map(len, axes(config).values()))
    return attempt * math.ceil((SNAKEMAKE_BYTES + PYTHON_BYTES + TABLE_BYTES * cells) / MIB)


def reduce_minutes(config: Config, attempt: int = 1) -> int:
    """Time limit to ask for to reduce a sweep: its shards one at a time."""
    draws = config.sampler.steps // config.sampler.save.observables
    needed = START_UP_SECONDS
    for block in config.blocks.values():
        count = len(block.gamma) * len(block.N) * len(block.seeds)
        needed += count * (SECONDS_PER_TABLE + SECONDS_PER_DRAW * draws * len(block.g) * len(block.beta))
    return attempt * math.ceil(needed / 60)
