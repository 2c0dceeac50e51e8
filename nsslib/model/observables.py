"""Estimators of the order parameters: plain numpy, the last axis (unit) is reduced.

With f = phi(x) and v = x - J f (arXiv 2401.10009):

====  ==========================  =====================
q     f.f / N                     activity
l2    x.x / N                     norm
r     sqrt(beta) v.f / N          integrated response
Y     beta v.v / N - 1            excess speed
Q     f_a.f_b / N                 overlap
R     sqrt(beta) v_a.f_b / N      response overlap
Yh    beta v_a.v_b / N            velocity overlap
====  ==========================  =====================

a and b are independent replicas on the same couplings. All quantities are dimensionless.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


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
        q, l2, energy (E/N), r, Y, virial (beta x.dE / N, mean exactly 1), grad2 (beta |dE|^2 / N)
        and laplacian (lap E / N), whose means agree exactly (configurational temperature).
    """
    products = [mean_product(a, b) for a, b in ((f, f), (x, x), (v, v), (v, f), (x, dE), (dE, dE))]
    return of_products([*products, lap / x.shape[-1]], beta, eta)


def of_products(products: Iterable[Array], beta: Array, eta: float) -> dict[str, Array]:
    """The observables of `single` from f.f, x.x, v.v, v.f, x.dE, dE.dE and lap E, each over N."""
    ff, xx, vv, vf, xG, GG, lap = products
    return {
        "q": ff,
        "l2": xx,
        "energy": 0.5 * vv + eta * xx,
        "r": np.sqrt(beta) * vf,
        "Y": beta * vv - 1.0,
        "virial": beta * xG,
        "grad2": beta * GG,
        "laplacian": lap,
    }


def pairs(replicas: int) -> list[tuple[int, int]]:
    """All pairs a < b of replicas."""
    return [(a, b) for a in range(replicas) for b in range(a + 1, replicas)]


def pair(v: Array, f: Array, beta: Array) -> dict[str, Array]:
    """Overlaps of pairs of replicas.

    Parameters
    ----------
    v, f : (replica, ..., N) arrays
        Residual and phi(x) of every replica.
    beta : array broadcastable to (...)
        Inverse temperature.

    Returns
    -------
    dict of (pair, ...) arrays
        Q, R (symmetrised) and Yh, pairs in the order of `pairs`.
    """
    a, b = map(list, zip(*pairs(len(f)), strict=True))
    factors = ((f[a], f[b]), (v[a], f[b]), (f[a], v[b]), (v[a], v[b]))
    return of_pair_products((mean_product(left, right) for left, right in factors), beta)


def of_pair_products(products: Iterable[Array], beta: Array) -> dict[str, Array]:
    """The observables of `pair` from f_a.f_b, v_a.f_b, f_a.v_b and v_a.v_b, each over N."""
    ff, vf, fv, vv = products
    return {"Q": ff, "R": np.sqrt(beta) * 0.5 * (vf + fv), "Yh": beta * vv}


LONG_NAMES = {
    "q": ("activity", "|phi(x)|^2 / N"),
    "l2": ("norm", "|x|^2 / N"),
    "energy": ("quasi-potential per unit", "E(x) / N"),
    "r": ("integrated response over sqrt(beta)", "sqrt(beta) v.phi(x) / N, v = x - J phi(x)"),
    "R_int": ("integrated response", "beta v.phi(x) / N, v = x - J phi(x)"),
    "Y": ("excess speed", "beta |v|^2 / N - 1"),
    "virial": ("virial", "beta x.dE / N; exactly 1"),
    "grad2": ("squared gradient", "beta |dE|^2 / N"),
    "laplacian": ("Laplacian", "lap E / N"),
    "configurational": ("configurational temperature", "beta <|dE|^2> / <lap E>; exactly 1"),
    "Q": ("overlap (signed)", "phi(x_a).phi(x_b) / N, replicas a, b on the same couplings; 0 by symmetry if ergodic"),
    "Q_abs": ("modulus of the overlap", "|phi(x_a).phi(x_b)| / N"),
    "Q2": ("squared overlap", "(phi(x_a).phi(x_b) / N)^2"),
    "R": ("response overlap", "sqrt(beta) (v_a.phi(x_b) + v_b.phi(x_a)) / 2N"),
    "Yh": ("velocity overlap", "beta v_a.v_b / N"),
    "x_phi": ("correlation of x and phi(x)", "x.phi(x) / N, thinned draws"),
    "x_phi_response": (
        "correlation of x and phi(x), from the responses",
        "rho + beta g^2 (1 + gamma)(rho q - rho_ba Q_ab - D), rho = v.phi(x) / N, thinned draws",
    ),
    "log_z": (
        "free energy beyond equipartition",
        "(log Z - log Z_0) / N + log(beta / beta_0) / 2 by Bennett's acceptance ratio along the ladder, 0: first cell",
    ),
}
"""Name in words and estimator of every observable."""
