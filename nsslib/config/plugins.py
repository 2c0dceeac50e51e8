"""What a config names as ``module:name``: observables and tasks of the user's own."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def load(path: str) -> Any:
    """What ``module:name``, or a module, refers to; modules are searched for in the working directory, too."""
    module, _, name = path.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    return getattr(import_module(module), name) if name else import_module(module)
