"""The linear preconditioner: coordinates in which the linearised network is nearly isotropic.

Near x = 0 the Hessian of E is H = (1 - g J0)^T (1 - g J0) + 2 eta. Its softest modes make chains slow
at the edge of chaos. With M = H + floor = F F^T (Cholesky), taken at one g for all columns, and
B = F^-1, the coordinates y = F^T x have a Hessian B H B^T near 1. Schemes that move y draw from the
same distribution of x, at any B.

The loops are spelled out, not left to LAPACK, so that B has the same bits on every machine.
"""

from __future__ import annotations

import numpy as np
from numba import njit

import nsslib.kernels.cache  # noqa: F401 (before anything is compiled)
from nsslib.arrays import Floats

FLOOR = 0.05
"""What is added to the Hessian: its softest modes are lifted by phi and by temperature."""


def reference_g(gamma: float, g: float) -> float:
    """The g of the preconditioner: the largest of the grid, at most the edge of chaos 1 / (1 + gamma)."""
    return min(g, 1.0 / (1.0 + gamma)) if gamma > -1.0 else g


def preconditioner(J0: Floats, g: float, eta: float) -> Floats:
    """Lower triangular B with B M B^T = 1, M = (1 - g J0)^T (1 - g J0) + 2 eta + FLOOR; all (N, N)."""
    return _inverse(_cholesky(_gram(np.eye(len(J0)) - g * J0) + (2.0 * eta + FLOOR) * np.eye(len(J0))))


@njit(cache=True)
def _gram(A):
    """A^T A in its upper triangle; a few rows at once, for the cache."""
    N = len(A)
    M = np.zeros_like(A)
    for first in range(0, N, 8):
        for k in range(N):
            for i in range(first, min(first + 8, N)):
                for j in range(i, N):
                    M[i, j] += A[k, i] * A[k, j]
    return M


@njit(cache=True)
def _cholesky(M):
    """Lower triangular F with F F^T = M, from the upper triangle of M."""
    FT = M.copy()
    for i in range(len(M)):
        FT[i, :i] = 0.0
        for k in range(i):
            for j in range(i, len(M)):
                FT[i, j] -= FT[k, i] * FT[k, j]
        FT[i, i:] = FT[i, i:] / np.sqrt(FT[i, i])
    return FT.T.copy()


@njit(cache=True)
def _inverse(F):
    """Inverse of a lower triangular matrix, row by row."""
    N = len(F)
    B = np.zeros_like(F)
    for i in range(N):
        for k in range(i):
            for j in range(k + 1):
                B[i, j] -= F[i, k] * B[k, j]
        for j in range(i):
            B[i, j] /= F[i, i]
        B[i, i] = 1.0 / F[i, i]
    return B
