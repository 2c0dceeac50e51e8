"""What jobs cost, by formula: bytes, and an upper bound of the time.

Light: every job of a workflow reads this module. `nsslib.monitor.plan` times the steps on this machine instead.
"""

from __future__ import annotations

import math

from nsslib.config.schema import Config
from nsslib.grid.batch import Batch
from nsslib.grid.task import Task, axes, shards, tasks

MIB = 2**20
PYTHON_BYTES = 350 * MIB
"""Interpreter, libraries and compiled kernels."""
SNAKEMAKE_BYTES = 300 * MIB
"""The two Snakemake processes that start a SLURM job and count to its memory."""
START_UP_SECONDS = 300.0
"""Before the first step: Snakemake boots twice from a shared file system, a node's first job compiles kernels."""
SECONDS_PER_TABLE = 0.5
"""Checking, reading and reducing a small shard."""
SECONDS_PER_BYTE = 1e-7
"""Reducing what a shard has stored; twice what is measured."""
TABLE_BYTES = 4 * 77 * 8
"""Of one point of one realisation: some 77 variables, and copies of them while errors are computed."""


def memory(shard: Task) -> float:
    """Bytes of the process that computes a shard."""
    return PYTHON_BYTES + shard.memory()


def job_megabytes(batch: Batch, attempt: int = 1) -> int:
    """Memory to ask for a job, in MiB: a quarter more than a shard of it needs, more on every retry."""
    return attempt * math.ceil((SNAKEMAKE_BYTES + 1.25 * memory(batch.shards[0])) / MIB)


def job_minutes(batch: Batch, attempt: int = 1) -> int:
    """Time limit to ask for a job: its shards one after another, longer on every retry."""
    return attempt * math.ceil((START_UP_SECONDS + len(batch.shards) * batch.shards[0].seconds()) / 60)


def reduce_megabytes(config: Config, attempt: int = 1) -> int:
    """Memory to ask for to reduce a sweep, in MiB: the table of all realisations."""
    points = max(math.prod(map(len, axes(config, task.kind).values())) for task in tasks(config))
    return attempt * math.ceil((SNAKEMAKE_BYTES + PYTHON_BYTES + TABLE_BYTES * points) / MIB)


def reduce_minutes(config: Config, attempt: int = 1) -> int:
    """Time limit to ask for to reduce a sweep: its shards one at a time."""
    needed = START_UP_SECONDS + sum(SECONDS_PER_TABLE + SECONDS_PER_BYTE * shard.disk() for shard in shards(config))
    return attempt * math.ceil(needed / 60)
