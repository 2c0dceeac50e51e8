"""Estimators of the observables in plain numpy, the standard of the compiled ones; the last axis (unit) is reduced."""

from __future__ import annotations

import numpy as np

from nsslib.arrays import Array
from nsslib.model.observables import OBSERVABLES, PairProducts, SingleProducts, pairs


def mean_product(a: Array, b: Array) -> Array:
    """a.b / N over the last axis."""
    return np.einsum("...i,...i->...", a, b) / a.shape[-1]


def single(x: Array, v: Array, f: Array, dE: Array, lap: Array, beta: Array, eta: float) -> dict[str, Array]:
    """Observables of single replicas.

    Parameters
    ----------
    x, v, f, dE : (..., N) arrays
        State, residual x - J phi(x), phi(x) and gradient of E.
    lap : (...) array
        Laplacian of E.
    beta : array broadcastable to (...)
        Inverse temperature.
    eta : float
        Confining term.

    Returns
    -------
    dict of (...) arrays
        By name, those of kind "single"; the means of virial, and of grad2 and laplacian, are exactly 1 and equal.
    """
    factors = ((f, f), (x, x), (v, v), (v, f), (x, dE), (dE, dE))
    products = [*(mean_product(a, b) for a, b in factors), lap / x.shape[-1]]
    return evaluate("single", SingleProducts(*products), beta, eta)


def pair(v: Array, f: Array, beta: Array) -> dict[str, Array]:
    """Observables of pairs of replicas.

    Parameters
    ----------
    v, f : (replica, ..., N) arrays
        Residual and phi(x) of every replica.
    beta : array broadcastable to (...)
        Inverse temperature.

    Returns
    -------
    dict of (pair, ...) arrays
        By name, those of kind "pair"; pairs in the order of `nsslib.model.observables.pairs`.
    """
    a, b = map(list, zip(*pairs(len(f)), strict=True))
    factors = ((f[a], f[b]), (v[a], f[b]), (f[a], v[b]), (v[a], v[b]))
    return evaluate("pair", PairProducts(*(mean_product(left, right) for left, right in factors)), beta, 0.0)


def evaluate(kind: str, products: SingleProducts | PairProducts, beta: Array, eta: float) -> dict[str, Array]:
    """Observables of one kind from the mean products that they are made of."""
    return {o.name: o.value(products, beta, eta) for o in OBSERVABLES.values() if o.kind == kind}
