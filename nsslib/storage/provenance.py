"""Where numbers come from: versions, commit, machine kind; no names of hosts or people."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nsslib.version import KERNEL_VERSION, STORE_VERSION, __version__

PACKAGES = ("numpy", "scipy", "numba", "xarray", "zarr", "arviz-stats", "lmfit", "pydantic")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


@cache
def _commit() -> str:
    """Commit of the source tree, where nsslib runs from one."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--tags"],
            cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip() or "unknown"


@cache
def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def provenance() -> dict[str, str | int]:
    """Attributes that every stored dataset carries."""
    return {
        "nsslib": __version__,
        "kernel_version": KERNEL_VERSION,
        "store_version": STORE_VERSION,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "host_kind": f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} cores",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
