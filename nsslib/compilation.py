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


def _cache_directory() -> Path:
    here = Path(__file__).parent
    sources = [*sorted((here / "sampling").glob("*.py")), here / "theory" / "kernels.py"]
    digest = hashlib.sha256(b"\0".join(p.read_bytes() for p in sources)).hexdigest()[:16]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "nsslib" / f"{platform.node()}-numba-{numba.__version__}-{digest}"


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(_cache_directory())  # type: ignore[attr-defined]
