"""Dask clusters as the executor sees them: one of its own on loopback, and what workers offer to jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Resources = Mapping[str, float]
"""By name, ``threads`` and ``mem_mb``; of a worker: what it has, of a job: what it asks for."""


def own_cluster(cores: int | None, jobs: int, workers: int) -> Any:
    """A cluster on this machine, reachable from this machine only.

    Parameters
    ----------
    cores : int, optional
        Threads of all workers together; by default those of the machine, at most one for each job.
    jobs : int
        How many jobs may run at once.
    workers : int
        Number of workers, which share threads and memory evenly. A job runs on one of them.

    Returns
    -------
    LocalCluster
    """
    import dask
    from dask.system import CPU_COUNT
    from distributed import LocalCluster
    from distributed.system import MEMORY_LIMIT

    threads = max(1, (cores or min(jobs, CPU_COUNT)) // workers)
    # Snakemake decides on the threads of a job's libraries; what a worker itself uses is next to nothing.
    with dask.config.set({"distributed.nanny.pre-spawn-environ": {}}):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=threads,
            memory_limit=0,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            resources={"threads": threads, "mem_mb": MEMORY_LIMIT // 10**6 // workers},
            preload=["snakemake_executor_plugin_dask.worker"],
        )


def workers_of(client: Any) -> list[Resources]:
    """Resources that each connected worker declares."""
    return [worker["resources"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()]


def declared(request: Resources, workers: Iterable[Resources]) -> Resources:
    """The part of a request that some worker declares; the scheduler knows nothing of the rest."""
    known = {name for worker in workers for name in worker}
    return {name: amount for name, amount in request.items() if name in known}


def fits(request: Resources, workers: Iterable[Resources]) -> bool:
    """Whether one worker has all that is asked for."""
    return any(all(worker.get(name, 0) >= amount for name, amount in request.items()) for worker in workers)


def text(resources: Resources) -> str:
    """Resources as the command line of ``dask worker`` takes them: 'threads=2 mem_mb=1000'."""
    return " ".join(f"{name}={amount:g}" for name, amount in resources.items())
