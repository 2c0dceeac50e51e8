"""When the scheduler ends this process, so that its state is saved shortly before.

SLURM's own warning (``sbatch --signal``) need not reach the sampling: where jobs are tracked by cgroups it goes to
the direct children of SLURM alone, and below Snakemake that is Snakemake. So the process watches the clock itself.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import time
from datetime import datetime

from nsslib.errors import UserError
from nsslib.grid.sitting import ShouldStop

WARNING_SECONDS = 120.0
"""Time to end a step, save the state and leave; at most half of what there is at the start."""

_FIRST_SECONDS = 1e9
"""Smallest number that counts as unix seconds (2001): a smaller one is a date without its dashes."""


def time_limit() -> ShouldStop:
    """Reason to stop from shortly before the end of this process on.

    Raises
    ------
    UserError
        If NSSLIB_DEADLINE is no time.
    """
    end, now = end_time(), time.time()
    if end is None:
        return lambda: None
    last = end - min(WARNING_SECONDS, (end - now) / 2)
    return lambda: "time limit" if time.time() >= last else None


def end_time() -> float | None:
    """Unix seconds at which this process will be ended; None if nothing says so.

    NSSLIB_DEADLINE comes first, for any scheduler; then what SLURM tells the job, then what squeue tells.
    """
    deadline = os.environ.get("NSSLIB_DEADLINE", "").strip()
    if deadline:
        return _unix_seconds(deadline)
    end = os.environ.get("SLURM_JOB_END_TIME", "")
    # A time that is past was inherited from another job.
    if end.isdecimal() and float(end) > time.time():
        return float(end)
    seconds = _squeue_seconds()
    return None if seconds is None else time.time() + seconds


def _unix_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        seconds = moment.timestamp() if moment and moment.tzinfo else math.nan
    if not _FIRST_SECONDS <= seconds < math.inf:
        raise UserError(
            f"NSSLIB_DEADLINE: {text!r} is no time; give unix seconds or ISO 8601 with its zone, "
            "as 2030-01-31T12:00:00+01:00"
        )
    return seconds


def _squeue_seconds() -> float | None:
    """Seconds that squeue gives the job of this process; None outside a job or without a limit."""
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
