"""Where numba keeps compiled code: importing this module sets it.

The name of the cache changes with the sources that are compiled (numba by itself misses changes in a
module that another one inlines) and with the node (cache files that nodes share would race).
``NUMBA_CACHE_DIR`` moves the cache.
"""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

import numba

PACKAGE = Path(__file__).parents[1]


def sources(package: Path = PACKAGE) -> list[Path]:
    """Every module of the folders that hold compiled code, however deep."""
    return sorted(path for folder in ("kernels", "sampling", "theory") for path in (package / folder).rglob("*.py"))


def key(package: Path = PACKAGE) -> str:
    """Digest of the sources, with their places in the package."""
    sha = hashlib.sha256()
    for path in sources(package):
        sha.update(path.relative_to(package).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()[:16]


def directory() -> Path:
    """Where compiled code is kept: ``nsslib`` in the user's cache."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "nsslib" / f"{platform.node()}-numba-{numba.__version__}-{key()}"


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(directory())  # type: ignore[attr-defined]
