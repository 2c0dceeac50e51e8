"""Run a command in a session of its own and end all of it, children included, when standard input closes.

    python supervise.py MARK GRACE COMMAND

The Dask worker holds the other end of standard input: it closes it to cancel the job, and the kernel closes it when
the worker dies, even by SIGKILL. So no job outlives its worker. When nothing of the job is left, MARK says so.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

POLL_SECONDS = 0.1


def supervise(command: str, grace: float) -> int:
    """Run a shell command until it ends or standard input closes; returns its exit code.

    What is cancelled gets SIGTERM, so that it can save its state, and SIGKILL `grace` seconds later.
    """
    job = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    while job.poll() is None:
        if select.select([sys.stdin], [], [], POLL_SECONDS)[0]:
            _terminate(job, grace)
            break
    # Also what a job left running in the background ends with it.
    with suppress(ProcessLookupError):
        os.killpg(job.pid, signal.SIGKILL)
    return job.wait()


def _terminate(job: subprocess.Popen[bytes], grace: float) -> None:
    """Ask the whole session to end, and wait until it has or `grace` seconds are over."""
    deadline = time.monotonic() + grace
    with suppress(ProcessLookupError):
        os.killpg(job.pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            job.poll()
            os.killpg(job.pid, 0)
            time.sleep(POLL_SECONDS)


def main() -> int:
    """Supervise what the arguments name."""
    mark, grace, command = sys.argv[1:]
    try:
        code = supervise(command, float(grace))
    finally:
        # The directory is gone when Snakemake did not wait for this job.
        with suppress(OSError):
            Path(mark).write_text("ended", encoding="utf-8")
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
