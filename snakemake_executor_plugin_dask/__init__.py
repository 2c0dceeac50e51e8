"""Snakemake executor that runs jobs on a Dask cluster: its own on this machine, or an existing one.

A job is the command that Snakemake formats for remote jobs, run by a Dask worker as a subprocess; threads and mem_mb
become resources of the worker. Snakemake and the workers must see the same files and the same Python environment.
"""

import os
import re
import time
import uuid
from collections.abc import AsyncGenerator
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Optional

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface
from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

from snakemake_executor_plugin_dask import cluster
from snakemake_executor_plugin_dask.worker import GRACE_SECONDS, WORKER_DIED, Command, JobError, run, running

POLL_SECONDS = 0.3
CONNECT_SECONDS = 10
WORKER_SECONDS = 60
START_WORKERS = 'dask worker ADDRESS --nthreads N --resources "threads=N mem_mb=M"'

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    auto_deploy_default_storage_provider=False,
)


# Snakemake reads the types of the settings: no postponed annotations in this module.
@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    """Options of the command line: ``--dask-scheduler``, ``--dask-workers``."""

    scheduler: Optional[str] = field(  # noqa: UP045
        default=None,
        metadata={
            "help": "Address of a running Dask scheduler, as tcp://HOST:8786. "
            f"Start its workers with: {START_WORKERS}. Default: a cluster of its own on this machine, "
            "with the threads of --cores and all memory."
        },
    )
    workers: Optional[int] = field(  # noqa: UP045
        default=None,
        metadata={"help": "Number of workers of the cluster of its own, which share its threads evenly. Default: 1"},
    )


class Executor(RemoteExecutor):
    """Submits jobs to Dask and reports what became of them."""

    def __post_init__(self) -> None:
        settings = self.workflow.executor_settings
        self.next_seconds_between_status_checks = POLL_SECONDS
        self._cluster: Any = None
        self._futures: dict[str, Any] = {}
        self._workers: list[cluster.Resources] = []
        try:
            self._client = self._open(settings.scheduler, settings.workers)
            self._update_workers()
        except BaseException:
            super().shutdown()
            raise
        if not all("threads" in worker for worker in self._workers):
            self.logger.warning(
                "Some Dask workers declare no threads: they run as many jobs at once as they have threads, "
                f"whatever the jobs ask for. Start workers with: {START_WORKERS}"
            )
        self.logger.info(f"Dask scheduler: {self._client.scheduler.address}, dashboard: {self._client.dashboard_link}")

    def _open(self, scheduler: str | None, workers: int | None) -> Any:
        """Client of the cluster that the settings name."""
        if find_spec("distributed") is None:
            raise WorkflowError("--executor dask needs the package distributed; install nsslib[dask]")
        if not scheduler:
            return self._start(1 if workers is None else workers)
        if workers is not None:
            raise WorkflowError("--dask-workers is for a cluster on this machine; leave it out with --dask-scheduler")
        return self._connect(scheduler)

    def _start(self, workers: int) -> Any:
        """Client of a cluster of our own."""
        from distributed import Client

        limits = self.workflow.resource_settings
        if workers < 1:
            raise WorkflowError(f"--dask-workers {workers}: must be 1 or more")
        self._cluster = cluster.own_cluster(limits.cores, limits.nodes, workers)
        return Client(self._cluster)

    def _connect(self, address: str) -> Any:
        """Client of an existing cluster, once it has a worker."""
        from distributed import Client

        try:
            client = Client(address, timeout=CONNECT_SECONDS)
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise WorkflowError(f"--dask-scheduler {address}: no Dask scheduler answers ({reason})") from None
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError:
            client.close()
            raise WorkflowError(
                f"--dask-scheduler {address}: no workers after {WORKER_SECONDS} s; start some with: {START_WORKERS}"
            ) from None
        return client

    def _update_workers(self) -> None:
        """Record which workers there are; one that died still counts, as it may come back."""
        try:
            workers = cluster.workers_of(self._client)
        except Exception:
            # A client without its scheduler has many ways to say so, none of them clear.
            raise WorkflowError("the Dask scheduler does not answer any more") from None
        self._workers += [worker for worker in workers if worker not in self._workers]

    def run_jobs(self, jobs: list[JobExecutorInterface]) -> None:
        """Submit the jobs that are ready."""
        self._update_workers()
        super().run_jobs(jobs)

    def run_job(self, job: JobExecutorInterface) -> None:
        """Submit a job, or fail it with a line if no worker is large enough."""
        name = re.sub(r"\W", "_", job.name)
        key = f"{name}-{uuid.uuid4().hex}"
        log = Path(".snakemake", "dask_logs", name, f"{job.jobid}-{job.attempt}.log").absolute()
        log.parent.mkdir(parents=True, exist_ok=True)
        command = Command(self.format_job_exec(job), os.getcwd(), str(log), str(Path(self.tmpdir, key)))
        memory = job.resources.get("mem_mb")
        asked = {"threads": job.threads} | ({"mem_mb": memory} if isinstance(memory, int) else {})
        request = cluster.declared(asked, self._workers)
        info = SubmittedJobInfo(job, key, {"command": command})
        if not cluster.fits(request, self._workers):
            have = "; ".join(map(cluster.text, self._workers))
            self.report_job_error(
                info, msg=f"it asks for {cluster.text(request)}, more than any Dask worker has: {have}. "
            )
            return
        future = self._client.submit(run, command, key=key, resources=request, pure=False, priority=job.priority)
        self._futures[key] = future
        self.report_job_submission(info)

    def additional_general_args(self) -> str:
        """Options of the Snakemake that runs on the worker: its log holds what the job says, little else."""
        return "--quiet progress rules host"

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncGenerator[SubmittedJobInfo, None]:
        """Report jobs that ended, yield the others."""
        for info in active_jobs:
            future = self._futures.get(info.external_jobid)
            if future is None:
                continue
            if not future.done() or _still_ending(info, future):
                yield info
                continue
            problem = _problem(future)
            self._futures.pop(info.external_jobid, None)
            if problem is None:
                self.report_job_success(info)
            else:
                log = Path(info.aux["command"].log)
                self.report_job_error(info, msg=f"{problem}. ", aux_logs=[str(log)] if log.exists() else [])

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Cancel everything, and wait until the workers have ended it."""
        futures, self._futures = self._futures, {}
        deadline = time.monotonic() + GRACE_SECONDS + 5
        # Without a scheduler there is nobody to ask: its workers end their jobs when they miss it.
        with suppress(Exception):
            self._client.cancel(list(futures.values()))
            while futures and any(self._client.run(running, set(futures)).values()) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)

    def shutdown(self) -> None:
        """End what is left, and the cluster if it is our own."""
        super().shutdown()
        self.cancel_jobs([])
        self._client.close()
        if self._cluster:
            self._cluster.close()


def _still_ending(info: SubmittedJobInfo, future: Any) -> bool:
    """Whether a job that Dask gave up still runs, as when its worker was killed; a retry has to wait for that."""
    if future.status == "finished":
        return False
    since = info.aux.setdefault("given up", time.monotonic())
    return info.aux["command"].ending() and time.monotonic() < since + 2 * GRACE_SECONDS


def _problem(future: Any) -> str | None:
    """Why a job failed, None if it did not."""
    from distributed import KilledWorker

    try:
        code = future.result()
    except JobError as error:
        return str(error)
    except KilledWorker:
        return WORKER_DIED
    except CancelledError:
        return "the Dask scheduler has lost it"
    except Exception as error:
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    return None if code == 0 else f"exit code {code}"
