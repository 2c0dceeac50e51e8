"""All chains of a shard: which of them is at which point of the ladder.

A cell is one (replica, g, beta) of the ladder, flattened; a chain is a state in memory. Exchange permutes the
labels, never the states: `walker[cell]` is the chain that is in a cell now, `cell[chain]` its inverse.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from nsslib.arrays import Floats, Indices
from nsslib.grid.sampling import Sampling
from nsslib.kernels.backend import Backend
from nsslib.kernels.cpu import random
from nsslib.kernels.cpu.backend import Cpu
from nsslib.model.couplings import couplings
from nsslib.sampling.preconditioner import preconditioner, reference_g


class Ensemble:
    """Chains of one shard.

    Attributes
    ----------
    backend : Backend
        The chains' states.
    shape : tuple of int
        (replicas, len(g), len(beta)) of the ladder.
    cell_g, cell_beta : (C,) arrays
        g and beta of every cell.
    cell, walker : (C,) int arrays
        Labels.
    stopped : (C,) int array
        Step at which the chain of a cell diverged and was stopped; 0 for the others.
    key : (2,) uint32 array
        What all random numbers of the shard depend on.
    names : (C, 2) uint32 array
        What those of a chain, or of a cell, depend on besides.
    """

    def __init__(self, shard: Sampling) -> None:
        model, sampler = shard.model, shard.sampler
        g, beta = (np.array(ladder.values) for ladder in shard.ladders)
        self.shape = (sampler.replicas, len(g), len(beta))
        self.cell_g = np.broadcast_to(g[None, :, None], self.shape).ravel()
        self.cell_beta = np.broadcast_to(beta[None, None, :], self.shape).ravel()
        self.units, self.eta = shard.N, model.eta
        self.cell, self.walker = (np.arange(len(self.cell_g)) for _ in range(2))
        self.stopped = np.zeros(len(self.cell), np.int64)
        self.key = random.key_of(shard.stream)
        self.names = np.array([random.name_of(*cell) for cell in product(range(sampler.replicas), g, beta)])
        self.J0 = couplings(shard.N, shard.gamma, shard.seed, model.diagonal)
        dtype = np.dtype(sampler.precision)
        B = None
        if sampler.preconditioned:
            rounded = self.J0.astype(dtype).astype(np.float64)
            B = preconditioner(rounded, reference_g(shard.gamma, shard.g[-1]), model.eta)
        self.backend: Backend = Cpu(self.J0, B, model.phi, model.eta, self.names, self.key, dtype)
        self.relabel()
        # Cold start x = 0 for even replicas, hot start x ~ N(0, 1) for odd ones.
        self.backend.start(self.replica(self.cell) % 2 == 1)

    def replica(self, cells: Indices) -> Indices:
        """Replica of some cells."""
        return cells // (self.shape[1] * self.shape[2])

    def relabel(self) -> None:
        """Tell the chains the points of the cells that they are in now."""
        self.backend.relabel(self.cell_g[self.cell], self.cell_beta[self.cell])

    def stop_diverged(self, t: int) -> Indices:
        """Stop the chains that are no longer finite at step t; they rest at x = 0 from now on.

        Returns
        -------
        (n,) int array
            Their cells.
        """
        finite = np.isfinite(self.backend.sums()).all(axis=0)
        diverged = np.flatnonzero(~finite)
        if len(diverged):
            self.backend.reset(diverged)
            self.stopped[self.cell[diverged]] = t
        return self.cell[diverged]

    def by_cell(self, values: Floats) -> Floats:
        """Values of the chains, (C,), in the order of the cells, (replica, g, beta)."""
        return values[self.walker].reshape(self.shape)

    def by_chain(self, values: NDArray) -> NDArray:
        """Values of the points, (g, beta), for every chain, (C,)."""
        return values.ravel()[self.cell % values.size]
