"""Compiled inner loops of the zero-overlap branch: scalar equations, one density after another.

phi is evaluated by the callers, in numpy, so that any transfer function can be used.
"""

from __future__ import annotations

import numpy as np
from numba import njit

import nsslib.kernels.cache  # noqa: F401 (before anything is compiled)
from nsslib.arrays import Floats, Indices


@njit(cache=True, error_model="numpy")
def reach(natural: Floats, x: Floats, p: Floats, cut: float) -> Indices:
    """Index (n,) of the first x from which on every H(x) stays below its maximum by `cut`.

    `natural` (n, 3) holds the coefficients of (phi^2, phi x, x^2) in H; x and p = phi(x) are (n, m), increasing
    in x; an index of m means that there is none.
    """
    n, m = x.shape
    index = np.empty(n, dtype=np.int64)
    for i in range(n):
        pp, px, xx = natural[i]
        top = 0.0
        last = m - 1
        for j in range(m):
            H = pp * p[i, j] ** 2 + px * p[i, j] * x[i, j] + xx * x[i, j] ** 2
            if top - cut < H or np.isnan(H):
                last = j
            top = max(top, H)
        index[i] = last + 1
    return index


@njit(cache=True, error_model="numpy")
def average(
    natural: Floats, spacing: Floats, p: Floats, rows: Indices, log_norm: Floats, mean: Floats, cov: Floats
) -> None:
    """Average (phi^2, phi x, x^2) by the trapezoid rule on x = 0, h, 2h, ...; see `even_moments`.

    `spacing` (k,) holds h and `p` (k, m) the values of phi of the problems `rows` (k,); their rows of `log_norm` (n,),
    `mean` (n, 3) and `cov` (n, 3, 3) are filled.
    """
    s, first, second = np.empty(3), np.empty(3), np.empty((3, 3))
    for i in range(len(rows)):
        row, h = rows[i], spacing[i]
        pp, px, xx = natural[row]
        top = 0.0
        for j in range(p.shape[1]):
            x = h * j
            top = max(top, pp * p[i, j] ** 2 + px * p[i, j] * x + xx * x**2)
        norm = 0.0
        first[:] = 0.0
        second[:] = 0.0
        for j in range(p.shape[1]):
            x = h * j
            s[0], s[1], s[2] = p[i, j] ** 2, p[i, j] * x, x**2
            weight = np.exp(pp * s[0] + px * s[1] + xx * s[2] - top)
            if j == 0:
                weight *= 0.5
            norm += weight
            for a in range(3):
                first[a] += weight * s[a]
                for b in range(a + 1):
                    second[a, b] += weight * s[a] * s[b]
        log_norm[row] = top + np.log(2.0 * norm * h)
        for a in range(3):
            mean[row, a] = first[a] / norm
            for b in range(a + 1):
                cov[row, a, b] = cov[row, b, a] = second[a, b] / norm - first[a] / norm * first[b] / norm


@njit(cache=True, error_model="numpy")
def natural_parameters(theta: Floats, g: Floats, t: Floats, gamma: Floats, beta_eta: Floats) -> Floats:
    """Coefficients (n, 3) of (phi^2, phi x, x^2) in H at theta = (ln q, R_int, q qh)."""
    out = np.empty((len(theta), 3))
    for i in range(len(theta)):
        q = np.exp(theta[i, 0])
        v, kappa = t[i] + g[i] ** 2 * q, g[i] ** 2 * gamma[i] * theta[i, 1]
        if not (v > 0.0 and q > 0.0):
            v = np.nan
        out[i, 0] = 0.5 * theta[i, 2] / q - 0.5 * kappa**2 / v
        out[i, 1] = kappa / v
        out[i, 2] = -0.5 / v - beta_eta[i]
    return out


@njit(cache=True, error_model="numpy")
def zero_overlap_system(
    theta: Floats, g: Floats, t: Floats, gamma: Floats, mean: Floats, cov: Floats
) -> tuple[Floats, Floats]:
    """Relative differences F (n, 3) between the two sides of the equations, and their Jacobian (n, 3, 3) in theta."""
    n = len(theta)
    F, J = np.empty((n, 3)), np.empty((n, 3, 3))
    for i in range(n):
        q, R, qh = np.exp(theta[i, 0]), theta[i, 1], theta[i, 2] * np.exp(-theta[i, 0])
        g2 = g[i] ** 2
        v, kappa = t[i] + g2 * q, g2 * gamma[i] * R
        pp, px, xx = mean[i]
        up, uu = px - kappa * pp, xx - 2.0 * kappa * px + kappa**2 * pp
        k, R_new, speed = kappa / v, up / v, (uu / v - 1.0) / v
        scale_R, scale_qh = max(abs(R), 2.2e-16), max(abs(theta[i, 2]), 1.0) / q
        F[i, 0], F[i, 1], F[i, 2] = (pp - q) / q, (R_new - R) / scale_R, (g2 * speed - qh) / scale_qh
        for a in range(3):
            # Derivatives along theta_a of v, kappa, qh, the coefficients, the means and the map.
            dq, dR = q * (a == 0), 1.0 * (a == 1)
            dv, dk = g2 * dq, g2 * gamma[i] * dR
            dqh = -qh * (a == 0) + (a == 2) / q
            da = 0.5 * dqh - k * dk + 0.5 * k * k * dv
            db, dc = (dk - k * dv) / v, 0.5 * dv / v**2
            dpp = cov[i, 0, 0] * da + cov[i, 0, 1] * db + cov[i, 0, 2] * dc
            dpx = cov[i, 1, 0] * da + cov[i, 1, 1] * db + cov[i, 1, 2] * dc
            dxx = cov[i, 2, 0] * da + cov[i, 2, 1] * db + cov[i, 2, 2] * dc
            dup = dpx - kappa * dpp - pp * dk
            duu = dxx - 2.0 * kappa * dpx + kappa**2 * dpp - 2.0 * up * dk
            d_speed = (duu + (1.0 - 2.0 * uu / v) * dv) / v**2
            J[i, 0, a] = (dpp - dq) / q
            J[i, 1, a] = ((dup - R_new * dv) / v - dR) / scale_R
            J[i, 2, a] = (g2 * d_speed - dqh) / scale_qh
    return F, J
