"""The time that SLURM lets this process run, and a warning before it is over.

SLURM's own warning (``sbatch --signal``) need not reach the sampling: where jobs are tracked by cgroups it goes to
the direct children of SLURM alone, and below Snakemake that is Snakemake. So the process looks at the clock itself.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

WARNING_SECONDS = 120.0
"""Time to end a step, save the state and leave; at most half of what there is at the start."""


def remaining_seconds() -> float | None:
    """Seconds until SLURM ends the job that this process belongs to; None outside a job or without a limit."""
    job = os.environ.get("SLURM_JOB_ID", "")
    if not job.isdecimal():
        return None
    try:
        done = subprocess.run(  # noqa: S603 (a number and fixed words)
            ["squeue", "--noheader", "--format=%L", f"--jobs={job}"],  # noqa: S607
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_time_left(done.stdout)


def parse_time_left(text: str) -> float | None:
    """Seconds of SLURM's ``[[days-]hours:]minutes:seconds``; None for words such as UNLIMITED or INVALID."""
    match = re.fullmatch(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)", text.strip())
    if not match:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return 60.0 * (60 * (24 * days + hours) + minutes) + seconds


@contextmanager
def warned_before_the_limit() -> Iterator[None]:
    """SIGTERM to this process shortly before its SLURM job ends; nothing outside a job.

    Only the main thread can listen to signals; from another one nothing is sent.
    """
    left = remaining_seconds() if threading.current_thread() is threading.main_thread() else None
    if left is None:
        yield
        return
    warning = threading.Timer(left - min(WARNING_SECONDS, left / 2), os.kill, (os.getpid(), signal.SIGTERM))
    warning.daemon = True
    warning.start()
    try:
        yield
    finally:
        warning.cancel()
