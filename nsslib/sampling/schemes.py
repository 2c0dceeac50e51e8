"""Integrators by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nsslib.config.schema import Sampler
from nsslib.kernels.cpu import random
from nsslib.kernels.cpu.integrators import BAOAB, EULER_MARUYAMA, GHMC, HMC

_NUMBERS = {"hmc": HMC, "mala": HMC, "ghmc": GHMC, "baoab": BAOAB, "euler-maruyama": EULER_MARUYAMA}


_FIRST_STEP = {"hmc": 0.3, "mala": 0.3, "ghmc": 0.3, "baoab": 0.4, "euler-maruyama": 0.05}


@dataclass(frozen=True)
class Integrator:
    """A scheme with its parameters.

    Attributes
    ----------
    number : int
        Scheme, for `step`.
    leapfrogs : int
        Mean number of leapfrog steps of an HMC trajectory.
    friction : float
        Damping of the momenta per unit time.
    exact : bool
        Whether exp(-beta E) is invariant at any step size.
    bias : str
        What is known of the error of the stationary measure.
    start : float
        Step size that tuning starts from, or the one of "auto" where nothing is tuned.
    """

    number: int
    leapfrogs: int
    friction: float
    exact: bool
    bias: str
    start: float

    def count(self, key: NDArray[np.uint32], t: int) -> int:
        """Number of leapfrog steps at counter t: uniform on 1 ... 2 L - 1, so that no mode is resonant."""
        if self.number != HMC:
            return 1
        return 1 + int(random.uniform(key, random.LENGTH, t, 0) * (2 * self.leapfrogs - 1))


def integrator(sampler: Sampler) -> Integrator:
    """Integrator of a sampler's settings."""
    name = sampler.integrator
    order = {"euler-maruyama": "first", "baoab": "second"}.get(name)
    return Integrator(
        number=_NUMBERS[name],
        leapfrogs=sampler.leapfrogs if name == "hmc" else 1,
        friction=sampler.friction,
        exact=order is None,
        bias=f"of {order} order in the step size" if order else "none",
        start=_FIRST_STEP[name],
    )
