"""The force evaluation of a tile of chains, compiled: two products with everything else hidden in them.

States are (panel, unit, lane) arrays, float64 or float32 (`nsslib.kernels.cpu.products`); a tile is
a few panels that stay in the cache for a whole trajectory. Sums are float64. Units beyond the last,
up to a whole block of rows, are zero and stay zero.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nsslib.arrays import Array, Floats
from nsslib.kernels.cpu.elementary import tanh
from nsslib.kernels.cpu.products import LANES, ROWS, block

KINDS = {"tanh": 0, "erf": 1, "linear": 2}
TILE = max(1, 64 // LANES)
"""Panels of a tile."""

_CONTRACT = {"contract"}


class Network(NamedTuple):
    """phi by its kind, eta, and matrices, packed: couplings J0 and J0^T, preconditioner B and B^T.

    B is lower triangular; without preconditioner, B = 1, it and B^T have no blocks.
    """

    kind: int
    units: int
    eta: float
    J: Array
    JT: Array
    B: Array
    BT: Array


class Chains(NamedTuple):
    """State of the chains, (panel, unit, lane), and what belongs to a chain, (panel, lane).

    X positions; P whitened momenta in units of 1/sqrt(beta); A = J0 phi(X); G gradient of E; sums = x.x, x.A,
    A.A (panel, 3, lane); g and beta of the point that each chain is at; name (panel, 2, lane), the two words that its
    random numbers depend on.
    """

    X: Array
    P: Array
    A: Array
    G: Array
    sums: Floats
    g: Floats
    beta: Floats
    name: NDArray[np.uint32]


class Scratch(NamedTuple):
    """Work space of a tile: phi(X), phi'(X), V, a block of a product, and a point to go back to."""

    F: Array
    D: Array
    V: Array
    out: Array
    X: Array
    P: Array
    A: Array
    G: Array
    H: Array


@njit(fastmath=_CONTRACT, error_model="numpy")
def transfer(kind, units, X, F, D):
    """F = phi(X), D = phi'(X)."""
    one = X.dtype.type(1.0)
    for p in range(len(X)):
        for i in range(units):
            if kind == 0:
                for w in range(LANES):
                    f = tanh(X[p, i, w])
                    F[p, i, w] = f
                    D[p, i, w] = one - f * f
            elif kind == 1:
                for w in range(LANES):
                    x = np.float64(X[p, i, w])
                    F[p, i, w] = math.erf(0.886226925452758 * x)
                    D[p, i, w] = math.exp(-0.7853981633974483 * x * x)
            else:
                for w in range(LANES):
                    F[p, i, w] = X[p, i, w]
                    D[p, i, w] = 1.0


@njit(fastmath=_CONTRACT, error_model="numpy")
def residual(network, c, s):
    """A = J0 F and V = X - g A."""
    for b in range(len(network.J)):
        for p in range(len(c.X)):
            block(network.J, b, 0, network.units, s.F, p, s.out)
            for r in range(min(ROWS, network.units - b * ROWS)):
                i = b * ROWS + r
                for w in range(LANES):
                    c.A[p, i, w] = s.out[r, w]
                    s.V[p, i, w] = c.X[p, i, w] - c.X.dtype.type(c.g[p, w]) * s.out[r, w]


@njit(fastmath=_CONTRACT, error_model="numpy")
def gradient(network, X, g, s, G):
    """G = V - g phi'(X) J0^T V + 2 eta X."""
    two_eta = X.dtype.type(2.0 * network.eta)
    for b in range(len(network.JT)):
        for p in range(len(X)):
            block(network.JT, b, 0, network.units, s.V, p, s.out)
            for r in range(min(ROWS, network.units - b * ROWS)):
                i = b * ROWS + r
                for w in range(LANES):
                    pulled = X.dtype.type(g[p, w]) * s.D[p, i, w] * s.out[r, w]
                    G[p, i, w] = s.V[p, i, w] - pulled + two_eta * X[p, i, w]


@njit(error_model="numpy")
def force(network, c, s):
    """Force evaluation at X: A and G."""
    transfer(network.kind, network.units, c.X, s.F, s.D)
    residual(network, c, s)
    gradient(network, c.X, c.g, s, c.G)


@njit(fastmath=_CONTRACT, error_model="numpy")
def regradient(network, X, A, g, s, G):
    """G at another g, where A = J0 phi(X) is known: one product."""
    transfer(network.kind, network.units, X, s.F, s.D)
    for p in range(len(X)):
        for i in range(network.units):
            for w in range(LANES):
                s.V[p, i, w] = X[p, i, w] - X.dtype.type(g[p, w]) * A[p, i, w]
    gradient(network, X, g, s, G)


@njit(fastmath=_CONTRACT, error_model="numpy")
def sums(network, c):
    """x.x, x.A and A.A of every chain, from which E at any g follows."""
    c.sums[:] = 0.0
    for p in range(len(c.X)):
        for i in range(network.units):
            for w in range(LANES):
                x, a = np.float64(c.X[p, i, w]), np.float64(c.A[p, i, w])
                c.sums[p, 0, w] += x * x
                c.sums[p, 1, w] += x * a
                c.sums[p, 2, w] += a * a


@njit(inline="always")
def energy_at(g, xx, xa, aa, eta):
    """E_g(x) = |x - g A|^2 / 2 + eta |x|^2 at any g."""
    return (0.5 + eta) * xx - g * xa + 0.5 * g * g * aa


@njit(fastmath=_CONTRACT, error_model="numpy")
def hamiltonian(network, c, H):
    """H = beta E + |P|^2 / 2 of every chain, from its sums."""
    for p in range(len(c.X)):
        H[p] = 0.0
        for i in range(network.units):
            for w in range(LANES):
                H[p, w] += 0.5 * np.float64(c.P[p, i, w]) * np.float64(c.P[p, i, w])
        for w in range(LANES):
            E = energy_at(c.g[p, w], c.sums[p, 0, w], c.sums[p, 1, w], c.sums[p, 2, w], network.eta)
            H[p, w] += c.beta[p, w] * E


@njit(fastmath=_CONTRACT, error_model="numpy")
def add(units, Y, a, Z):
    """Y += a Z, one factor a chain."""
    for p in range(len(Y)):
        for i in range(units):
            for w in range(LANES):
                Y[p, i, w] += Y.dtype.type(a[p, w]) * Z[p, i, w]


@njit(fastmath=_CONTRACT, error_model="numpy")
def add_both(units, Y, a, Z, b, T):
    """Y += a Z + b T, one pair of factors a chain."""
    for p in range(len(Y)):
        for i in range(units):
            for w in range(LANES):
                Y[p, i, w] += Y.dtype.type(a[p, w]) * Z[p, i, w] + Y.dtype.type(b[p, w]) * T[p, i, w]


@njit(fastmath=_CONTRACT, error_model="numpy")
def kick(network, c, s, a):
    """P += a B G."""
    if len(network.B) == 0:
        add(network.units, c.P, a, c.G)
        return
    for b in range(len(network.B)):
        rows = min(ROWS, network.units - b * ROWS)
        for p in range(len(c.P)):
            block(network.B, b, 0, b * ROWS + rows, c.G, p, s.out)
            for r in range(rows):
                for w in range(LANES):
                    c.P[p, b * ROWS + r, w] += c.P.dtype.type(a[p, w]) * s.out[r, w]


@njit(fastmath=_CONTRACT, error_model="numpy")
def drift(network, c, s, a):
    """X += a B^T P."""
    if len(network.BT) == 0:
        add(network.units, c.X, a, c.P)
        return
    for b in range(len(network.BT)):
        for p in range(len(c.X)):
            block(network.BT, b, b * ROWS, network.units, c.P, p, s.out)
            for r in range(min(ROWS, network.units - b * ROWS)):
                for w in range(LANES):
                    c.X[p, b * ROWS + r, w] += c.X.dtype.type(a[p, w]) * s.out[r, w]


@njit(fastmath=_CONTRACT, error_model="numpy")
def kick_drift(network, c, s, a, b):
    """P += a B G, then X += b B^T P; in one pass where B = 1."""
    if len(network.B) > 0:
        kick(network, c, s, a)
        drift(network, c, s, b)
        return
    for p in range(len(c.X)):
        for i in range(network.units):
            for w in range(LANES):
                c.P[p, i, w] += c.P.dtype.type(a[p, w]) * c.G[p, i, w]
                c.X[p, i, w] += c.P.dtype.type(b[p, w]) * c.P[p, i, w]


@njit
def tile(c, first):
    """Chains of the tile whose first panel is `first`."""
    last = first + TILE
    return Chains(
        c.X[first:last], c.P[first:last], c.A[first:last], c.G[first:last], c.sums[first:last], c.g[first:last],
        c.beta[first:last], c.name[first:last],
    )  # fmt: skip


@njit(cache=True)
def force_all(network, c, s):
    """Force evaluation and sums of all chains."""
    for first in range(0, len(c.X), TILE):
        part = tile(c, first)
        force(network, part, s)
        sums(network, part)


@njit(error_model="numpy")
def gather(state, units, rows, panels):
    """Copy rows of a state (panel, unit, lane) into lanes of panels, one after the other."""
    for i in range(units):
        for n in range(len(rows)):
            panels[n // LANES, i, n % LANES] = state[rows[n] // LANES, i, rows[n] % LANES]


@njit(error_model="numpy")
def scatter(panels, units, rows, state):
    """Copy back what `gather` copied."""
    for i in range(units):
        for n in range(len(rows)):
            state[rows[n] // LANES, i, rows[n] % LANES] = panels[n // LANES, i, n % LANES]


@njit(cache=True)
def regradient_rows(network, c, s, rows):
    """Gradients of some chains after their g changed, a tile of them at a time."""
    for first in range(0, len(rows), TILE * LANES):
        some = rows[first : first + TILE * LANES]
        g = np.zeros((-(-len(some) // LANES), LANES))
        for n in range(len(some)):
            g[n // LANES, n % LANES] = c.g[some[n] // LANES, some[n] % LANES]
        X, A, G = s.X[: len(g)], s.A[: len(g)], s.G[: len(g)]
        gather(c.X, network.units, some, X)
        gather(c.A, network.units, some, A)
        regradient(network, X, A, g, s, G)
        scatter(G, network.units, some, c.G)
