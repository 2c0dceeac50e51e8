"""Couplings of a realisation of the disorder."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nsslib.errors import UserError, suggest


def couplings(
    N: int,
    gamma: float = 0.0,
    seed: int = 0,
    diagonal: Literal["zero", "iid"] = "zero",
) -> NDArray[np.float64]:
    """Draw one disorder sample J0; the network's couplings are J = g J0.

    J0 = (S + k A) / sqrt(N (1 + k^2)) with k^2 = (1 - gamma) / (1 + gamma), S symmetric and A
    antisymmetric with unit off-diagonal variance, so that entries have variance 1/N and
    cov(J0_ij, J0_ji) = gamma / N (arXiv 2401.10009, section II).

    Parameters
    ----------
    N : int
        Number of units, >= 1.
    gamma : float
        Reciprocity in [-1, 1]; 0 gives independent entries.
    seed : int
        Disorder seed, 0 to 2^32 - 1. The same arguments give the same bits for ever.
    diagonal : {"zero", "iid"}
        Self-couplings: none, or Gaussian of variance 1/N.

    Returns
    -------
    (N, N) float64 ndarray

    Raises
    ------
    UserError
        If an argument is out of its range.
    """
    if N < 1:
        raise UserError(f"N: {N} is not a number of units; give an integer >= 1")
    if not -1.0 <= gamma <= 1.0:
        raise UserError(f"gamma: {gamma} is outside [-1, 1]")
    if not 0 <= seed < 2**32:
        raise UserError(f"seed: {seed} is no seed; give an integer from 0 to {2**32 - 1}")
    if diagonal not in ("zero", "iid"):
        raise UserError(f"diagonal: unknown choice {diagonal!r}{suggest(diagonal, ('zero', 'iid'))}")
    # RandomState is frozen by numpy's compatibility policy; Generator streams may change.
    W = np.random.RandomState([seed, N]).standard_normal((N, N))
    S = (np.triu(W, 1) + np.triu(W, 1).T) + np.diag(np.diag(W))
    A = np.tril(W, -1).T - np.tril(W, -1)
    J0 = (np.sqrt((1.0 + gamma) / 2.0) * S + np.sqrt((1.0 - gamma) / 2.0) * A) / np.sqrt(N)
    np.fill_diagonal(J0, 0.0 if diagonal == "zero" else np.diag(W) / np.sqrt(N))
    return J0
