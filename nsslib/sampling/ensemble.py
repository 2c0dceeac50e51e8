"""All chains of a shard: states, labels and the force evaluation that advances them together.

Cells are the (replica, g, beta) of the ladder, flattened; rows are the chains in memory.
Exchange permutes the labels, never the states: `walker[cell]` is the row that holds a cell now,
`cell[row]` its inverse.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nsslib.grid.shard import Shard
from nsslib.kernels.cpu import passes, random
from nsslib.kernels.cpu.passes import TILE, Array, Chains, Network, Scratch
from nsslib.kernels.cpu.products import LANES, ROWS, pack
from nsslib.model.couplings import couplings
from nsslib.sampling.preconditioner import reference_g, whitening


class Ensemble:
    """Chains of one shard.

    Attributes
    ----------
    chains : Chains
        State in panels of `LANES` chains. Lanes beyond the last chain hold idle chains at g = 0,
        beta = 1, which belong to no cell.
    shape : tuple of int
        (replicas, len(g), len(beta)) of the ladder.
    cell, walker : (C,) int arrays
        Labels.
    stopped : (C,) int array
        Step at which the chain of a cell diverged and was stopped; 0 for the others.
    """

    def __init__(self, shard: Shard) -> None:
        model, sampler = shard.model, shard.sampler
        g, beta = (np.array(ladder.values) for ladder in shard.ladders)
        self.shape = (sampler.replicas, len(g), len(beta))
        self.cell_g = np.broadcast_to(g[None, :, None], self.shape).ravel()
        self.cell_beta = np.broadcast_to(beta[None, None, :], self.shape).ravel()
        self.phi = model.phi
        self.key = random.key_of(shard.stream)
        self.units = shard.N
        dtype = np.dtype(sampler.precision)
        self.J0 = couplings(shard.N, shard.gamma, shard.seed, model.diagonal).astype(dtype)
        self.network = self._network(shard)
        self.cell, self.walker = (np.arange(len(self.cell_g)) for _ in range(2))
        self.stopped = np.zeros(len(self.cell), np.int64)
        panels = -(-len(self.cell) // LANES)
        state = np.zeros((panels, len(self.network.J) * ROWS, LANES), dtype)
        self.chains = Chains(
            X=state, P=state.copy(), A=state.copy(), G=state.copy(), sums=np.zeros((panels, 3, LANES)),
            g=np.zeros((panels, LANES)), beta=np.ones((panels, LANES)),
        )  # fmt: skip
        work = state[:TILE]
        self.scratch = Scratch(
            F=work.copy(), D=work.copy(), V=work.copy(), out=np.zeros((ROWS, LANES), dtype), X=work.copy(),
            P=work.copy(), A=work.copy(), G=work.copy(), H=np.zeros((TILE, LANES)),
        )  # fmt: skip
        self.relabel()
        self._start()
        self.evaluate()

    def _network(self, shard: Shard) -> Network:
        """What the kernels know of the network, packed."""
        J0, eta = self.J0, shard.model.eta
        B = np.empty((0, 0))
        if shard.sampler.preconditioned:
            B = whitening(J0.astype(np.float64), reference_g(shard.gamma, shard.g[-1]), eta)
        matrices = (pack(np.asarray(matrix, J0.dtype)) for matrix in (J0, J0.T, B, B.T))
        return Network(passes.KINDS[self.phi], shard.N, eta, *matrices)

    def _start(self) -> None:
        """Cold start x = 0 for even replicas, hot start x ~ N(0, 1) for odd ones."""
        chains = self.chains
        random.normals(chains.X, self.units, self.key, random.START, 0)
        replica = np.arange(len(self.cell)) // (self.shape[1] * self.shape[2])
        cold = np.ones(chains.g.size, bool)
        cold[: len(replica)] = replica % 2 == 0
        chains.X.swapaxes(1, 2)[cold.reshape(chains.g.shape)] = 0.0

    def relabel(self) -> None:
        """Write g and beta of the cells that the chains are in now."""
        self.chains.g.ravel()[: len(self.cell)] = self.cell_g[self.cell]
        self.chains.beta.ravel()[: len(self.cell)] = self.cell_beta[self.cell]

    def place(self, X: NDArray[np.floating], P: NDArray[np.floating] | None = None) -> None:
        """Put the chains at positions (C, unit), with momenta if given, and evaluate the force there."""
        panel, lane = np.divmod(np.arange(len(X)), LANES)
        self.chains.X[panel, : self.units, lane] = X
        if P is not None:
            self.chains.P[panel, : self.units, lane] = P
        self.evaluate()

    def evaluate(self) -> None:
        """Force evaluation of all chains at their X."""
        passes.force_all(self.network, self.chains, self.scratch)

    def exchanged(self) -> None:
        """Follow an exchange: labels, and gradients of the chains whose g changed; A is known, one product."""
        before = self.chains.g.copy()
        self.relabel()
        passes.regradient_rows(
            self.network, self.chains, self.scratch, np.flatnonzero(self.chains.g.ravel() != before.ravel())
        )

    def stop_diverged(self, t: int) -> NDArray[np.integer]:
        """Stop the chains that are no longer finite at step t; they rest at x = 0 from now on.

        Returns
        -------
        (n,) int array
            Their cells.
        """
        chains = self.chains
        finite = np.isfinite(chains.sums)
        if finite.all():
            return np.empty(0, np.int64)
        panel, lane = np.nonzero(~finite.all(axis=1))
        for state in (chains.X, chains.P, chains.A, chains.G, chains.sums):
            state[panel, :, lane] = 0.0
        rows = panel * LANES + lane
        cells = self.cell[rows[rows < len(self.cell)]]
        self.stopped[cells] = t
        return cells

    def by_cell(self, values: NDArray) -> NDArray:
        """Values of the chains, (panel, lane), in the order of the cells, (replica, g, beta)."""
        return values.ravel()[self.walker].reshape(self.shape)

    def by_chain(self, values: NDArray) -> NDArray:
        """Values of the cells, (g, beta), for every chain, (panel, lane); 1 for idle ones."""
        chains = np.ones(self.chains.g.size)
        chains[: len(self.cell)] = values.ravel()[self.cell % values.size]
        return chains.reshape(self.chains.g.shape)

    def rows(self, state: Array, rows: NDArray[np.integer] | None = None) -> NDArray[np.float64]:
        """Rows of a state as float64, (..., unit), the rows given in any shape; all chains by default."""
        rows = np.arange(len(self.cell)) if rows is None else rows
        panel, lane = np.divmod(rows, LANES)
        return state[panel, : self.units, lane].astype(np.float64)

    def energy(self) -> NDArray[np.float64]:
        """E of every chain at its own g, (C,)."""
        chains = self.chains
        xx, xa, aa = (chains.sums[:, k].ravel() for k in range(3))
        E = passes.energy_at.py_func(chains.g.ravel(), xx, xa, aa, self.network.eta)
        return E[: len(self.cell)]
