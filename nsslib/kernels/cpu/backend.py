"""The chains of a network on one core: panels of lanes, advanced tile by tile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nsslib.arrays import Array, Floats, Indices
from nsslib.kernels.cpu import passes, random
from nsslib.kernels.cpu.integrators import BAOAB, EULER_MARUYAMA, GHMC, HMC, step
from nsslib.kernels.cpu.observables import mean_products
from nsslib.kernels.cpu.passes import TILE, Chains, Network, Scratch
from nsslib.kernels.cpu.products import LANES, ROWS, pack

NUMBERS = {"hmc": HMC, "ghmc": GHMC, "euler-maruyama": EULER_MARUYAMA, "baoab": BAOAB}


class Cpu:
    """A `nsslib.kernels.backend.Backend`.

    Lanes beyond the last chain hold idle chains at g = 0, beta = 1, which never move.

    Parameters
    ----------
    J0 : (N, N) float64 array
    B : (N, N) float64 array or None
        Lower triangular preconditioner; None moves x itself.
    phi : str
        Transfer function.
    eta : float
    names : (chain, 2) uint32 array
        What the random numbers of each chain depend on.
    key : (2,) uint32 array
        What those of all chains depend on.
    dtype : dtype
        Of the states; sums are float64.
    """

    def __init__(
        self, J0: Floats, B: Floats | None, phi: str, eta: float,
        names: NDArray[np.uint32], key: NDArray[np.uint32], dtype: np.dtype,
    ) -> None:  # fmt: skip
        J = J0.astype(dtype)
        empty = np.empty((0, 0))
        matrices = (
            pack(np.asarray(m, dtype)) for m in (J, J.T, empty if B is None else B, empty if B is None else B.T)
        )
        self.network = Network(passes.KINDS[phi], len(J0), eta, *matrices)
        rounded = J.astype(np.float64)
        self._diagonal, self._norms = np.diag(rounded).copy(), np.sum(rounded * rounded, axis=0)
        self.key, self._n = key, len(names)
        panels = -(-self._n // LANES)
        state = np.zeros((panels, len(self.network.J) * ROWS, LANES), dtype)
        self.chains = Chains(
            X=state, P=state.copy(), A=state.copy(), G=state.copy(), sums=np.zeros((panels, 3, LANES)),
            g=np.zeros((panels, LANES)), beta=np.ones((panels, LANES)), name=np.zeros((panels, 2, LANES), np.uint32),
        )  # fmt: skip
        panel, lane = np.divmod(np.arange(self._n), LANES)
        self.chains.name[panel, :, lane] = names
        work = state[:TILE]
        self.scratch = Scratch(
            F=work.copy(), D=work.copy(), V=work.copy(), out=np.zeros((ROWS, LANES), dtype), X=work.copy(),
            P=work.copy(), A=work.copy(), G=work.copy(), H=np.zeros((TILE, LANES)),
        )  # fmt: skip

    def start(self, hot: Array) -> None:
        """Put the chains at x ~ N(0, 1) where hot, and at x = 0 elsewhere."""
        random.normals(self.chains.X, self.network.units, self.key, random.START, 0, self.chains.name)
        self.chains.X.swapaxes(1, 2)[self._panels(hot, False) == 0] = 0.0
        self._evaluate()

    def load(self, X: Array, P: Array | None = None) -> None:
        """Put the chains at positions and momenta."""
        panel, lane = np.divmod(np.arange(self._n), LANES)
        self.chains.X[panel, : self.network.units, lane] = X
        if P is not None:
            self.chains.P[panel, : self.network.units, lane] = P
        self._evaluate()

    def relabel(self, g: Floats, beta: Floats) -> None:
        """Take the chains to other g and beta; A is known, so that the force costs one product."""
        before = self.chains.g.copy()
        self.chains.g.ravel()[: self._n], self.chains.beta.ravel()[: self._n] = g, beta
        changed = np.flatnonzero(self.chains.g.ravel() != before.ravel())
        passes.regradient_rows(self.network, self.chains, self.scratch, changed)

    def step(self, scheme: str, eps: Floats, keep: Floats, n_leapfrog: int, t: int) -> Floats:
        """One step of all chains; returns their acceptance probabilities."""
        probability = np.empty(self.chains.g.shape)
        step(
            NUMBERS[scheme], self.network, self.chains, self.scratch, self._panels(eps, 0.0), self._panels(keep, 0.0),
            n_leapfrog, self.key, t, probability,
        )  # fmt: skip
        return probability.ravel()[: self._n]

    def sums(self) -> Floats:
        """x.x, x.A and A.A, (3, chain)."""
        sums: Floats = self.chains.sums.swapaxes(0, 1).reshape(3, -1)
        return sums[:, : self._n]

    def reset(self, chains: Indices) -> None:
        """Put some chains at x = 0, p = 0."""
        panel, lane = np.divmod(chains, LANES)
        for state in (self.chains.X, self.chains.P, self.chains.A, self.chains.G, self.chains.sums):
            state[panel, :, lane] = 0.0

    def products(self, chains: Indices, g: Floats) -> tuple[Floats, Floats]:
        """Mean products over the units that observables are made of."""
        replicas, points = chains.shape
        single, pair = np.empty((7, replicas, points)), np.empty((4, replicas * (replicas - 1) // 2, points))
        mean_products(self.network, self.chains, chains, g, self._diagonal, self._norms, single, pair)
        return single, pair

    def positions(self, chains: Indices) -> Floats:
        """Positions of some chains, (..., unit)."""
        return self._rows(self.chains.X, chains)

    def state(self) -> tuple[Floats, Floats]:
        """Positions and momenta of all chains, (chain, unit) each."""
        everyone = np.arange(self._n)
        return self._rows(self.chains.X, everyone), self._rows(self.chains.P, everyone)

    def _rows(self, state: Array, chains: Indices) -> Floats:
        panel, lane = np.divmod(chains, LANES)
        return state[panel, : self.network.units, lane].astype(np.float64)

    def _panels(self, values: Array, idle: float) -> Floats:
        """Values of the chains as (panel, lane)."""
        padded = np.full(self.chains.g.size, float(idle))
        padded[: self._n] = values
        return padded.reshape(self.chains.g.shape)

    def _evaluate(self) -> None:
        passes.force_all(self.network, self.chains, self.scratch)
