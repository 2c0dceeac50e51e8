"""The batches of a sweep on the workers of a Dask cluster."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

from nsslib.errors import UserError
from nsslib.grid.batch import Batch
from nsslib.monitor.progress import Reporter, Watch
from nsslib.stages.sample import run_batch


def sample(client: Any, jobs: list[Batch], results: Path, reporter: Reporter) -> None:
    """Sample batches on the workers of a client; a failed one does not stop the others.

    Workers write stores and checkpoints themselves, so they need the file system of the results. A batch whose worker
    died is begun again elsewhere, where its checkpoint left it, as often as the cluster allows. A dying worker takes
    along what waited on it: such batches are tried once more at the end, one by one, to name only those that kill.

    Raises
    ------
    UserError
        A line for every batch that failed, once all are done.
    """
    told = reporter.count(results.name, sum(len(job.shards) for job in jobs))
    failed: dict[str, BaseException] = {}

    def attempt(batches: list[Batch]) -> list[Batch]:
        """Sample some; returns those that died beside others."""
        killed = []
        with closing(_outcomes(client, batches, results)) as outcomes:
            for job, error in outcomes:
                if isinstance(error, WorkerDied) and len(batches) > 1:
                    killed.append(job)
                    continue
                if error:
                    failed[job.name] = error
                    reporter.say(f"{job.name}: failed: {error}")
                told(len(job.shards))
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
        # After an interrupt: what runs ends at its next step, what waits never begins.
        client.cancel(list(futures))


class WorkerDied(Exception):
    """Dask gave up a task, for the workers that ran it died."""


def _reason(future: Any) -> BaseException:
    """What went wrong with a future, briefly."""
    from distributed import KilledWorker

    if future.status != "error":
        return ConnectionError("the Dask scheduler has lost it")
    error = future.exception()
    return WorkerDied("its Dask workers died, perhaps for lack of memory") if isinstance(error, KilledWorker) else error


def _work(batch: Batch, results: Path) -> None:
    """A batch on a worker, quiet; what it returns is on disk."""
    with _Listener() as listener:
        run_batch(batch, results, listener)


class Cancelled(Exception):
    """The client no longer wants the result of this task."""


class _Listener(Reporter):
    """Says nothing, and ends a shard at the step at which its task was cancelled (Dask cannot stop a thread)."""

    def __init__(self) -> None:
        from distributed import get_worker

        super().__init__(quiet=True)
        worker = get_worker()
        self._tasks, self._key = worker.state.tasks, worker.get_current_task()

    def watch(self, label: str) -> Watch:
        def told(done: int, total: int, acceptance: float, remark: str = "") -> None:
            task = self._tasks.get(self._key)
            if task is None or task.state == "cancelled":
                raise Cancelled(f"{label}: cancelled at step {done} of {total}")

        return told
