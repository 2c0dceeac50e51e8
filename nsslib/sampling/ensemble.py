"""All chains of a shard: states, labels and the force evaluation that advances them together.

Cells are the (replica, g, beta) of the ladder, flattened; rows are the chains in memory.
Exchange permutes the labels, never the states: `walker[cell]` is the row that holds a cell now,
`cell[row]` its inverse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nsslib.grid import Shard
from nsslib.model import couplings
from nsslib.sampling import kernels, rng

Array = NDArray[np.floating]


@dataclass
class Point:
    """What a Metropolis step must be able to undo: position and what was evaluated there."""

    X: Array
    A: Array
    G: Array
    sums: NDArray[np.float64]

    def copy_from(self, other: Point, rows: NDArray[np.bool_] | slice = slice(None)) -> None:
        """Overwrite the given rows by those of another point."""
        for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True):
            mine[rows] = theirs[rows]


class Ensemble:
    """Chains of one shard.

    Attributes
    ----------
    point : Point
        X (C, N) positions; A = J0 phi(X); G the gradient of E at each chain's g; sums (C, 3)
        with x.x, x.A, A.A, from which E at any g follows without a product.
    P : (C, N) array
        Momenta in units of 1/sqrt(beta): standard normal in equilibrium at every beta.
    shape : tuple of int
        (replicas, len(g), len(beta)) of the ladder.
    """

    def __init__(self, shard: Shard) -> None:
        model, sampler = shard.model, shard.sampler
        g, beta = (np.array(ladder.values) for ladder in shard.ladders)
        self.shape = (sampler.replicas, len(g), len(beta))
        self.cell_g = np.broadcast_to(g[None, :, None], self.shape).ravel()
        self.cell_beta = np.broadcast_to(beta[None, None, :], self.shape).ravel()
        self.eta = model.eta
        self.phi = model.phi
        self.kind = kernels.KINDS[model.phi]
        self.key = rng.key_of(shard.stream)
        dtype = np.dtype(sampler.precision)
        self.J0 = couplings(shard.N, shard.gamma, shard.seed, model.diagonal).astype(dtype)
        # Both products read the couplings row by row.
        self._J0T = np.ascontiguousarray(self.J0.T)
        C, N = int(np.prod(self.shape)), shard.N
        self.cell = np.arange(C)
        self.walker = np.arange(C)
        self._F, self._D, self._V, self._U = (np.empty((C, N), dtype) for _ in range(4))
        self.P = np.zeros((C, N), dtype)
        self.point = Point(np.zeros((C, N), dtype), np.zeros((C, N), dtype), np.zeros((C, N), dtype), np.zeros((C, 3)))
        self._start()
        self.evaluate()

    def _start(self) -> None:
        """Cold start x = 0 for even replicas, hot start x ~ N(0, 1) for odd ones."""
        rng.normals(self.point.X, self.key, rng.START, 0)
        replica = np.arange(len(self.cell)) // (self.shape[1] * self.shape[2])
        self.point.X[replica % 2 == 0] = 0.0

    @property
    def g(self) -> NDArray[np.float64]:
        """g of every row."""
        return self.cell_g[self.cell]

    @property
    def beta(self) -> NDArray[np.float64]:
        """beta of every row."""
        return self.cell_beta[self.cell]

    def evaluate(self) -> None:
        """Force evaluation: A, sums and G at X, two products for all columns."""
        kernels.transfer(self.kind, self.point.X, self._F, self._D)
        np.dot(self._F, self._J0T, out=self.point.A)
        self._gradient()

    def relabel(self) -> None:
        """Gradient at the present labels after an exchange in g; A is known, one product."""
        kernels.transfer(self.kind, self.point.X, self._F, self._D)
        self._gradient()

    def _gradient(self) -> None:
        point, g = self.point, self.g
        kernels.residual(point.X, point.A, g, self._V, point.sums)
        np.dot(self._V, self.J0, out=self._U)
        kernels.gradient(point.X, self._V, self._U, self._D, g, self.eta, point.G)

    def energy(self) -> NDArray[np.float64]:
        """E of every row at its own g."""
        return energy_at(self.g, self.point.sums, self.eta)


def energy_at(g: NDArray[np.float64], sums: NDArray[np.float64], eta: float) -> NDArray[np.float64]:
    """E_g(x) = |x - g A|^2 / 2 + eta |x|^2 at any g, from x.x, x.A and A.A."""
    xx, xa, aa = sums.T
    return (0.5 + eta) * xx - g * xa + 0.5 * g * g * aa
