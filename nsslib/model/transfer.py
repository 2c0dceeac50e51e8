"""Transfer functions phi with their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from nsslib.arrays import Array
from nsslib.errors import UserError, suggest


@dataclass(frozen=True)
class Phi:
    """An odd transfer function phi, its derivative phi', and phi''/phi', all elementwise."""

    name: str
    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    log_slope: Callable[[Array], Array]


def _sech2(x: Array) -> Array:
    """Derivative of tanh, without the cancellation of 1 - tanh^2 at large ``|x|``."""
    e = np.exp(-2.0 * np.abs(x))
    return 4.0 * e / (1.0 + e) ** 2


def _gauss(x: Array) -> Array:
    """Derivative of erf(sqrt(pi) x / 2)."""
    return np.exp(-0.25 * np.pi * x**2)


PHI: dict[str, Phi] = {
    "tanh": Phi("tanh", np.tanh, _sech2, lambda x: -2.0 * np.tanh(x)),
    "erf": Phi("erf", lambda x: erf(0.5 * np.sqrt(np.pi) * x), _gauss, lambda x: -0.5 * np.pi * x),
    "linear": Phi("linear", lambda x: x, np.ones_like, np.zeros_like),
}


def transfer(phi: str) -> Phi:
    """Look up a transfer function by name.

    Raises
    ------
    UserError
        If `phi` is not one of `PHI`.
    """
    if phi not in PHI:
        raise UserError(f"phi: unknown transfer function {phi!r}{suggest(phi, PHI)}")
    return PHI[phi]
