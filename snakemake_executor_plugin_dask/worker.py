"""What happens on a Dask worker: one job, as a subprocess that can be cancelled and never runs twice."""

from __future__ import annotations

import platform
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_dask import supervise

GRACE_SECONDS = 30.0
"""Between SIGTERM and SIGKILL of a cancelled job."""

POLL_SECONDS = 0.1

WORKER_DIED = "its Dask worker died"

_running: set[str] = set()


class JobError(Exception):
    """One line on why a job could not run on a worker."""


@dataclass(frozen=True)
class Command:
    """A job as a worker needs it.

    Attributes
    ----------
    shell : str
        The command.
    directory : str
        Where it runs.
    log : str
        File for its standard output and error; removed when it succeeds.
    mark : str
        File that is there once a worker has begun the job, and not empty once nothing of it runs any more.
    """

    shell: str
    directory: str
    log: str
    mark: str

    def ending(self) -> bool:
        """Whether the job has begun and some of its processes may still run."""
        mark = Path(self.mark)
        return mark.exists() and not mark.read_text(encoding="utf-8")


def run(command: Command) -> int:
    """Run a job and return its exit code; ends the job when Dask no longer wants its result.

    Raises
    ------
    JobError
        If another worker has begun this job (Dask runs the tasks of dead workers again), or the
        directory of the job is not seen from here.
    """
    from distributed import get_worker

    worker = get_worker()
    key = str(worker.get_current_task())
    _claim(command)
    arguments = [command.mark, str(GRACE_SECONDS), command.shell]
    with (
        Path(command.log).open("wb") as log,
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", supervise.__file__, *arguments],
            cwd=command.directory, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        ) as process,
    ):  # fmt: skip
        _running.add(key)
        try:
            while process.poll() is None:
                if process.stdin and not wanted(worker, key):
                    process.stdin.close()
                time.sleep(POLL_SECONDS)
        finally:
            _running.discard(key)
    if process.returncode == 0:
        Path(command.log).unlink(missing_ok=True)
    return process.returncode


def _claim(command: Command) -> None:
    """Begin a job: of all workers only the first one can."""
    try:
        Path(command.mark).touch(exist_ok=False)
    except FileExistsError:
        raise JobError(WORKER_DIED) from None
    except OSError as error:
        raise JobError(
            f"{command.directory} cannot be written on {platform.node()} ({error.strerror}): "
            "Dask workers need the file system that Snakemake runs on"
        ) from None


def wanted(worker: Any, key: str) -> bool:
    """Whether the scheduler still wants the task: not once it is cancelled or its client is gone."""
    task = worker.state.tasks.get(key)
    return task is not None and task.state != "cancelled"


def running(keys: set[str]) -> bool:
    """Whether this worker runs one of these tasks."""
    return bool(_running & keys)


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to Snakemake: the workers it started must live until they have ended their jobs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
