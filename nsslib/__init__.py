"""nsslib: quasi-potential sampling of neural dynamics beside its replica theory.

Names are imported when they are first used, so that reading a config stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nsslib.version import KERNEL_VERSION, __version__

if TYPE_CHECKING:
    from nsslib.api import open_results, run_sweep, simulate
    from nsslib.errors import UserError
    from nsslib.model.couplings import couplings
    from nsslib.model.observables import observable
    from nsslib.model.quasipotential import drift, energy, gradient, residual
    from nsslib.theory.replica import solve

_HOMES = {
    "couplings": "nsslib.model.couplings",
    "energy": "nsslib.model.quasipotential",
    "gradient": "nsslib.model.quasipotential",
    "residual": "nsslib.model.quasipotential",
    "drift": "nsslib.model.quasipotential",
    "solve": "nsslib.theory.replica",
    "simulate": "nsslib.api",
    "run_sweep": "nsslib.api",
    "open_results": "nsslib.api",
    "observable": "nsslib.model.observables",
    "UserError": "nsslib.errors",
}

__all__ = [
    "KERNEL_VERSION",
    "UserError",
    "__version__",
    "couplings",
    "drift",
    "energy",
    "gradient",
    "observable",
    "open_results",
    "residual",
    "run_sweep",
    "simulate",
    "solve",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nsslib' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
