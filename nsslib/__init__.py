"""nsslib: quasi-potential sampling of neural dynamics beside its replica theory.

Names are imported when they are first used, so that reading a config stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nsslib.version import KERNEL_VERSION, __version__

if TYPE_CHECKING:
    from nsslib.errors import UserError
    from nsslib.model import couplings, energy, gradient, velocity
    from nsslib.sweep import open_results, run_sweep, simulate
    from nsslib.theory import solve

_HOMES = {
    "couplings": "nsslib.model",
    "energy": "nsslib.model",
    "gradient": "nsslib.model",
    "velocity": "nsslib.model",
    "solve": "nsslib.theory",
    "simulate": "nsslib.sweep",
    "run_sweep": "nsslib.sweep",
    "open_results": "nsslib.sweep",
    "UserError": "nsslib.errors",
}

__all__ = [
    "KERNEL_VERSION",
    "UserError",
    "__version__",
    "couplings",
    "energy",
    "gradient",
    "open_results",
    "run_sweep",
    "simulate",
    "solve",
    "velocity",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nsslib' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
