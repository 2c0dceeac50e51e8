"""What sampling needs of compiled kernels, on one page.

Tuning, exchange, recording and checkpoints are host code above it, on float64 arrays over chains, (chain,), or
(chain, unit). A backend keeps chains as it likes and gives the same bits whatever runs beside them. To add one,
write this class with other kernels; tests/kernels/test_passes.py says what it has to get right.
"""

from __future__ import annotations

from typing import Protocol

from nsslib.arrays import Array, Floats, Indices


class Backend(Protocol):
    """Chains of one network J = g J0, each at a g and beta of its own, advanced together."""

    def start(self, hot: Array) -> None:
        """Put the chains at x ~ N(0, 1) where `hot`, (chain,) bool, and at x = 0 elsewhere."""

    def load(self, X: Array, P: Array | None = None) -> None:
        """Put the chains at positions X and momenta P, (chain, unit); momenta stay if not given."""

    def relabel(self, g: Floats, beta: Floats) -> None:
        """Take the chains to other g and beta, (chain,) each; forces follow."""

    def step(self, scheme: str, eps: Floats, keep: Floats, n_leapfrog: int, t: int) -> Floats:
        """One step of all chains.

        Parameters
        ----------
        scheme : str
            How they move: the `moves` of a `nsslib.config.schemes.Scheme`.
        eps, keep : (chain,) arrays
            Step sizes, and the share of the momenta that a refreshment keeps.
        n_leapfrog : int
            Leapfrog steps of a trajectory.
        t : int
            Counter of the random numbers.

        Returns
        -------
        (chain,) array
            Acceptance probabilities.
        """

    def sums(self) -> Floats:
        """x.x, x.A and A.A with A = J0 phi(x), (3, chain): with them E is known at any g. Not finite: diverged."""

    def reset(self, chains: Indices) -> None:
        """Put some chains at x = 0, p = 0."""

    def products(self, chains: Indices, g: Floats) -> tuple[Floats, Floats]:
        """Mean products over the units, which observables are made of.

        Parameters
        ----------
        chains : (replica, point) array
            Chain of every replica at every point.
        g : (point,) array

        Returns
        -------
        single, pair : (7, replica, point) and (4, pair, point) arrays
            `nsslib.model.observables.SingleProducts` and `PairProducts`.
        """

    def positions(self, chains: Indices) -> Floats:
        """Positions of some chains, (..., unit) for chains of any shape."""

    def state(self) -> tuple[Floats, Floats]:
        """Positions and momenta of all chains, (chain, unit) each."""
