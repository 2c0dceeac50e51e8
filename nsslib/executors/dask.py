"""The batches of a sweep on the workers of a Dask cluster."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

from nsslib.errors import UserError
from nsslib.grid.batch import Batch
from nsslib.monitor.progress import Reporter
from nsslib.stages.compute import run_batch


def sample(client: Any, jobs: list[Batch], results: Path, reporter: Reporter) -> None:
    """Sample batches on the workers of a client; a failed one does not stop the others.

    Workers write stores and checkpoints themselves, so they need the file system of the results. A batch whose worker
    died starts again on another one, from its checkpoint, as often as the cluster allows. A dying worker also fails the
    batches that waited on it: these are tried once more at the end, one by one, to name only those that kill.

    Raises
    ------
    UserError
        A line for every batch that failed, once all are done.
    """
    count = reporter.count(results.name, sum(len(job.shards) for job in jobs))
    failed: dict[str, BaseException] = {}

    def attempt(batches: list[Batch]) -> list[Batch]:
        """Sample batches; returns those whose worker died while it had others too."""
        killed = []
        with closing(_outcomes(client, batches, results)) as outcomes:
            for job, error in outcomes:
                if isinstance(error, WorkerDied) and len(batches) > 1:
                    killed.append(job)
                    continue
                if error:
                    failed[job.name] = error
                    reporter.say(f"{job.name}: failed: {error}")
                count(len(job.shards))
        return killed

    for job in attempt(jobs):
        attempt([job])
    if failed:
        lines = [f"{name}: {reason}" for name, reason in failed.items()]
        head = f"{results}: {len(failed)} of {len(jobs)} jobs failed; run the sweep again to sample what is missing"
        raise UserError("\n".join([head, *lines])) from next(iter(failed.values()))


def _outcomes(client: Any, batches: list[Batch], results: Path) -> Generator[tuple[Batch, BaseException | None]]:
    """Batches as they end, each with what went wrong."""
    from distributed import as_completed

    run = uuid.uuid4().hex
    futures = {client.submit(_work, job, results, key=f"{job.name}-{run}", pure=False): job for job in batches}
    try:
        for future in as_completed(futures):
            yield futures[future], None if future.status == "finished" else _reason(future)
    finally:
        # After an interrupt: what runs saves its state at its next step, what waits never begins.
        client.cancel(list(futures))


class WorkerDied(Exception):
    """Dask gave up a task because the workers that ran it died."""


def _reason(future: Any) -> BaseException:
    """What went wrong with a future, briefly."""
    from distributed import KilledWorker

    if future.status != "error":
        return ConnectionError("the Dask scheduler has lost it")
    error = future.exception()
    return WorkerDied("its Dask workers died, perhaps for lack of memory") if isinstance(error, KilledWorker) else error


def _work(batch: Batch, results: Path) -> None:
    """Sample a batch on a worker, without reports; Dask cannot stop a thread, so a cancelled task ends itself."""
    from distributed import get_worker

    worker = get_worker()
    tasks, key = worker.state.tasks, worker.get_current_task()

    def cancelled() -> str | None:
        task = tasks.get(key)
        return "cancelled" if task is None or task.state == "cancelled" else None

    run_batch(batch, results, Reporter(quiet=True), cancelled)
