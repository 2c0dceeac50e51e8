"""Products of states that the observables are made of, compiled: float64 sums in a fixed order."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from nsslib.kernels.cpu.passes import LANES, gather, transfer


@njit(cache=True)
def mean_products(network, chains, rows, g, diagonal, norms, single, pair):
    """Mean products over the units, for some cells of all replicas.

    Parameters
    ----------
    network, chains : Network, Chains
    rows : (replica, cell) int array
        Row of the chain in each cell.
    g : (cell,) array
        Coupling strengths.
    diagonal, norms : (unit,) arrays
        J0_ii and sum_j J0_ji^2, for the Laplacian.
    single : (7, replica, cell) array
        Overwritten by f.f, x.x, v.v, v.f, x.G, G.G and lap E, each over N.
    pair : (4, pair, cell) array
        Overwritten by f_a.f_b, v_a.f_b, f_a.v_b and v_a.v_b, each over N; pairs as in `observables.pairs`.
    """
    replicas, cells = rows.shape
    F, V = np.zeros((replicas, 1, network.units, LANES)), np.zeros((replicas, 1, network.units, LANES))
    total = np.zeros((7, LANES))
    for first in range(0, cells, LANES):
        some = slice(first, min(first + LANES, cells))
        g_lanes = np.zeros(LANES)
        g_lanes[: some.stop - first] = g[some]
        for r in range(replicas):
            _one(network, chains, rows[r, some], g_lanes, diagonal, norms, F[r], V[r], total)
            single[:, r, some] = total[:, : some.stop - first]
        k = 0
        for a in range(replicas):
            for b in range(a + 1, replicas):
                _two(F[a], V[a], F[b], V[b], total)
                pair[:, k, some] = total[:4, : some.stop - first]
                k += 1
    single /= network.units
    pair /= network.units


@njit(fastmath={"contract"}, error_model="numpy")
def _one(network, chains, rows, g, diagonal, norms, F, V, total):
    """Sums of one replica in a panel of cells; leaves f and v for the pairs."""
    X, A = np.zeros_like(F), np.zeros_like(F)
    G, D = np.zeros_like(F), np.empty_like(F)
    gather(chains.X, network.units, rows, X)
    gather(chains.A, network.units, rows, A)
    gather(chains.G, network.units, rows, G)
    transfer(network.kind, network.units, X, F, D)
    # phi''/phi' of tanh, erf and a linear phi.
    of_f, of_x = -2.0 if network.kind == 0 else 0.0, -0.5 * math.pi if network.kind == 1 else 0.0
    total[:] = 0.0
    total[6] = network.units * (1.0 + 2.0 * network.eta)
    for i in range(network.units):
        for w in range(LANES):
            x, f, d, dE = X[0, i, w], F[0, i, w], D[0, i, w], G[0, i, w]
            v = x - g[w] * A[0, i, w]
            V[0, i, w] = v
            total[0, w] += f * f
            total[1, w] += x * x
            total[2, w] += v * v
            total[3, w] += v * f
            total[4, w] += x * dE
            total[5, w] += dE * dE
            # g phi' J0^T v = v + 2 eta x - dE is known: the Laplacian needs no product.
            pulled = (of_f * f + of_x * x) * (v + 2.0 * network.eta * x - dE)
            total[6, w] += g[w] * d * (g[w] * d * norms[i] - 2.0 * diagonal[i]) - pulled


@njit(fastmath={"contract"}, error_model="numpy")
def _two(Fa, Va, Fb, Vb, total):
    """Sums of a pair of replicas."""
    total[:4] = 0.0
    for i in range(Fa.shape[1]):
        for w in range(LANES):
            total[0, w] += Fa[0, i, w] * Fb[0, i, w]
            total[1, w] += Va[0, i, w] * Fb[0, i, w]
            total[2, w] += Fa[0, i, w] * Vb[0, i, w]
            total[3, w] += Va[0, i, w] * Vb[0, i, w]
