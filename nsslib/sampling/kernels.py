"""Elementwise passes over all chains, compiled: the part of a force evaluation that is no product.

States are (chain, unit) arrays, one chain a row, float64 or float32; sums are float64.
The two products run in BLAS between the passes (`nsslib.sampling.ensemble`).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

KINDS = {"tanh": 0, "erf": 1, "linear": 2}
_CONTRACT = {"contract"}
_SUMS = {"contract", "reassoc"}


@njit(inline="always")
def _tanh(x):
    """tanh x = -t / (2 + t) with t = expm1(-2 |x|), branch-free so that it vectorises; 3 ulp."""
    y = -2.0 * min(abs(x), 20.0)
    k = np.floor(y * 1.4426950408889634 + 0.5)
    r = (y - k * 0.6931471803691238) - k * 1.9082149292705877e-10
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r * r + r
    s = np.int64((np.int64(k) + 1023) << 52).view(np.float64)
    t = s * p + (s - 1.0)
    return math.copysign(-t / (2.0 + t), x)


@njit(cache=True, fastmath=_CONTRACT, error_model="numpy")
def transfer(kind, X, F, D):
    """F = phi(X), D = phi'(X)."""
    chains, units = X.shape
    for c in range(chains):
        if kind == 0:
            for i in range(units):
                f = _tanh(np.float64(X[c, i]))
                F[c, i] = f
                D[c, i] = 1.0 - f * f
        elif kind == 1:
            for i in range(units):
                x = np.float64(X[c, i])
                F[c, i] = math.erf(0.886226925452758 * x)
                D[c, i] = math.exp(-0.7853981633974483 * x * x)
        else:
            for i in range(units):
                F[c, i] = X[c, i]
                D[c, i] = 1.0


@njit(cache=True, fastmath=_SUMS, error_model="numpy")
def residual(X, A, g, V, sums):
    """V = X - g A with A = J0 phi(X), and the sums x.x, x.A, A.A of every chain."""
    chains, units = X.shape
    for c in range(chains):
        gc = X.dtype.type(g[c])
        xx = xa = aa = 0.0
        for i in range(units):
            x, a = X[c, i], A[c, i]
            V[c, i] = x - gc * a
            xx += np.float64(x) * np.float64(x)
            xa += np.float64(x) * np.float64(a)
            aa += np.float64(a) * np.float64(a)
        sums[c, 0], sums[c, 1], sums[c, 2] = xx, xa, aa


@njit(cache=True, fastmath=_CONTRACT, error_model="numpy")
def gradient(X, V, U, D, g, eta, G):
    """G = V - g phi'(X) U + 2 eta X with U = J0^T V."""
    chains, units = X.shape
    two_eta = X.dtype.type(2.0 * eta)
    for c in range(chains):
        gc = X.dtype.type(g[c])
        for i in range(units):
            G[c, i] = V[c, i] - gc * D[c, i] * U[c, i] + two_eta * X[c, i]


@njit(cache=True, fastmath=_CONTRACT, error_model="numpy")
def add(Y, a, Z):
    """Y += a Z, one factor a chain."""
    chains, units = Y.shape
    for c in range(chains):
        ac = Y.dtype.type(a[c])
        for i in range(units):
            Y[c, i] += ac * Z[c, i]


@njit(cache=True, fastmath=_CONTRACT, error_model="numpy")
def mix(Y, a, b, Z):
    """Y = a Y + b Z, one pair of factors a chain."""
    chains, units = Y.shape
    for c in range(chains):
        ac, bc = Y.dtype.type(a[c]), Y.dtype.type(b[c])
        for i in range(units):
            Y[c, i] = ac * Y[c, i] + bc * Z[c, i]


@njit(cache=True, fastmath=_SUMS, error_model="numpy")
def square(Y, out):
    """Sum of squares of every chain."""
    chains, units = Y.shape
    for c in range(chains):
        s = 0.0
        for i in range(units):
            s += np.float64(Y[c, i]) * np.float64(Y[c, i])
        out[c] = s
