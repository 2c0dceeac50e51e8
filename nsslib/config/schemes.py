"""The integrators by name: one table of what each of them is.

Nothing heavy is imported here: configs, costs and samplers read the same table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Name = Literal["hmc", "mala", "ghmc", "baoab", "euler-maruyama"]


@dataclass(frozen=True)
class Scheme:
    """An integrator of (underdamped) Langevin or Hamiltonian dynamics.

    Attributes
    ----------
    moves : str
        How chains move, by the name of a kernel.
    bias_order : int or None
        Order in the step size of the error of the stationary measure; None: exp(-beta E) is invariant.
    first_step : float
        Step size that tuning starts from at N = 1, or the one of "auto" where nothing is tuned.
    trajectories : bool
        Whether a step is a trajectory of several leapfrog steps.
    underdamped : bool
        Whether a part of the momenta is kept.
    preconditioned : bool
        Whether it can move in preconditioned coordinates.
    drifts : int
        Drifts of a force evaluation.
    """

    moves: str
    bias_order: int | None
    first_step: float
    trajectories: bool = False
    underdamped: bool = False
    preconditioned: bool = True
    drifts: int = 1

    @property
    def exact(self) -> bool:
        """Whether exp(-beta E) is invariant at any step size; such a step size can be tuned."""
        return self.bias_order is None


SCHEMES: dict[Name, Scheme] = {
    "hmc": Scheme("hmc", None, 0.3, trajectories=True),
    "mala": Scheme("hmc", None, 0.3),
    "ghmc": Scheme("ghmc", None, 0.3, underdamped=True),
    "baoab": Scheme("baoab", 2, 0.4, underdamped=True, drifts=2),
    "euler-maruyama": Scheme("euler-maruyama", 1, 0.05, preconditioned=False),
}
