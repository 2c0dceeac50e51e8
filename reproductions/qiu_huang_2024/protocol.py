"""The published algorithm at finite temperature: damped iteration over frozen samples.

Written from the description in Qiu & Huang (arXiv 2401.10009) and the settings of its figures;
phi = tanh, eta = 0. One iteration averages over `FIELDS` draws of the two Gaussian fields and, for
each of them, over `SAMPLES` importance samples x ~ N(0, s2/beta) that stay the same in all
iterations. Field averages of h_z <...> are integrated by parts, so that with s2 = 1 + beta g^2
(q - Q), a = beta g^2 Q/s2, z = sqrt(beta) x - (rh - Rh) phi and the connected averages
zz_c = <z^2> - <z>^2, zp_c = <z phi> - <z><phi>, pp_c = <phi^2> - <phi>^2

    q = <phi^2>,  r  = (<z phi>  - a zp_c - Rh pp_c)/s2,  qh = beta g^2 (<z^2> - 2 a zz_c - 2 Rh zp_c + (a - 1) s2)/s2^2
    Q = <phi>^2,  R  = (<z><phi> - a zp_c - Rh pp_c)/s2,  Qh = beta g^2 (<z>^2 - 2 a zz_c - 2 Rh zp_c + a s2)/s2^2

Every quantity moves by 0.8 of the way. From iteration 100 on, the run stops as soon as all of
(q, Q, r, R) move by less than 8e-4, or all by less than 0.8 % of themselves.

The samples are drawn on a lattice: Gaussian averages of smooth functions over a lattice of spacing
0.1 sigma equal those over the line to rounding (trapezoid rule), so that multinomial counts replace the
samples themselves, at the same bias and variance, and a whole run costs seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nsslib.arrays import Floats

FIELDS, SAMPLES = 60_000, 10_000
DAMPING, PATIENCE, MOST = 0.2, 100, 4000
ABSOLUTE, RELATIVE = 1e-3 * (1.0 - DAMPING), 1e-2 * (1.0 - DAMPING)
# Samples end at 6.5 sigma; at extreme fields quadrature needs more.
SPACING, FARTHEST, FARTHER = 0.1, 6.5, 16.0
BLOCK = 4096


class Frozen(NamedTuple):
    """Fields `u`, `v` (n,) with their `weights` (n,), and the weight of every lattice point at every field.

    `lattice` (k,) is in units of the width of the importance density; `counts` is (n, k), or (1, k) if common to all
    fields.
    """

    u: Floats
    v: Floats
    weights: Floats
    lattice: Floats
    counts: NDArray[np.generic]


class Averages(NamedTuple):
    """Single-site averages, averaged over the fields."""

    pp: float  # <phi^2>
    PP: float  # <phi>^2
    px: float  # <phi x>
    PX: float  # <phi><x>
    xx: float  # <x^2>
    XX: float  # <x>^2


class State(NamedTuple):
    """Order parameters and conjugates; qh and Qh in the normalisation of `nsslib.theory.replica`."""

    q: float
    Q: float
    qh: float = 0.0
    Qh: float = 0.0
    r: float = 0.0
    R: float = 0.0
    rh: float = 0.0
    Rh: float = 0.0


class Run(NamedTuple):
    """Where a run stopped: its state, norm and iteration, whether the stopping rule ended it, and all its states."""

    state: State
    l2: float
    iterations: int
    stopped: bool
    path: list[State]


def _lattice(farthest: float) -> tuple[Floats, Floats]:
    half = round(farthest / SPACING)
    x = SPACING * np.arange(-half, half + 1, dtype=np.float64)
    weight = np.exp(-0.5 * x * x)
    return x, weight / weight.sum()


def freeze(seed: int, fields: int = FIELDS, samples: int = SAMPLES) -> Frozen:
    """Draw the frozen samples of a run.

    Parameters
    ----------
    seed : int
        Seed of the draw.
    fields, samples : int
        Number of fields, and of importance samples at each field.
    """
    rng = np.random.default_rng(seed)
    u, v = rng.standard_normal((2, fields))
    x, weight = _lattice(FARTHEST)
    counts = np.empty((fields, len(x)), dtype=np.uint16)
    for first in range(0, fields, BLOCK):
        block = counts[first : first + BLOCK]
        block[:] = rng.multinomial(samples, weight, size=len(block))
    return Frozen(u, v, np.full(fields, 1.0 / fields), x, counts)


def exact(order: int = 24) -> Frozen:
    """Quadrature in place of samples: Gauss-Hermite fields of even `order`, Gaussian lattice weights."""
    n, w = np.polynomial.hermite_e.hermegauss(order)
    u, v = np.meshgrid(n, n, indexing="ij")
    x, weight = _lattice(FARTHER)
    return Frozen(u.ravel(), v.ravel(), np.outer(w, w).ravel() / w.sum() ** 2, x, weight[None])


def exponent(s: State, g: float, beta: float, u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Coefficients of (phi, x) at every field, shape (n, 2), and of (phi^2, phi x)."""
    s2 = 1.0 + beta * g**2 * (s.q - s.Q)
    d, root = s.rh - s.Rh, np.sqrt(beta)
    mixed = s.Rh / (g * np.sqrt(beta * s.Q))
    h_p = np.sqrt(max(s.Qh - mixed**2, 0.0)) * u + mixed * v
    h_z = g * np.sqrt(beta * s.Q) / s2 * v
    return np.column_stack([h_p - h_z * d, h_z * root]), np.array(
        [0.5 * (s.qh - s.Qh) - 0.5 * d**2 / s2, root * d / s2]
    )


def averages(s: State, g: float, beta: float, frozen: Frozen) -> Averages:
    """Self-normalised importance averages over the frozen samples."""
    x = np.sqrt(1.0 / beta + g**2 * (s.q - s.Q)) * frozen.lattice
    p = np.tanh(x)
    linear, quadratic = exponent(s, g, beta, frozen.u, frozen.v)
    common = quadratic @ np.array([p * p, p * x])
    statistics = np.column_stack([np.ones_like(x), p, x, p * p, p * x, x * x])
    total = np.zeros(6)
    for first in range(0, len(linear), BLOCK):
        rows = slice(first, first + BLOCK)
        H = linear[rows] @ np.array([p, x]) + common
        weight = np.exp(H - H.max(axis=1, keepdims=True))
        weight *= frozen.counts[rows] if len(frozen.counts) > 1 else frozen.counts
        mean = weight @ statistics
        P, X, pp, px, xx = (mean[:, 1:] / mean[:, :1]).T
        total += np.array([pp, P * P, px, P * X, xx, X * X]) @ frozen.weights[rows]
    return Averages(*total.tolist())


def right_hand_sides(s: State, m: Averages, g: float, beta: float, gamma: float) -> State:
    """One undamped iteration from the averages `m` at state `s`."""
    b = beta * g**2
    s2 = 1.0 + b * (s.q - s.Q)
    a, d, root = b * s.Q / s2, s.rh - s.Rh, np.sqrt(beta)
    zz = beta * m.xx - 2.0 * root * d * m.px + d**2 * m.pp
    ZZ = beta * m.XX - 2.0 * root * d * m.PX + d**2 * m.PP
    zp, ZP = root * m.px - d * m.pp, root * m.PX - d * m.PP
    speed = 2.0 * a * (zz - ZZ) + 2.0 * s.Rh * (zp - ZP)
    response = a * (zp - ZP) + s.Rh * (m.pp - m.PP)
    return State(
        q=m.pp,
        Q=m.PP,
        qh=b * (zz - speed + (a - 1.0) * s2) / s2**2,
        Qh=b * (ZZ - speed + a * s2) / s2**2,
        r=(zp - response) / s2,
        R=(ZP - response) / s2,
        rh=b * gamma * s.r,
        Rh=b * gamma * s.R,
    )


def _accepted(old: State, new: State) -> bool:
    """The published stopping rule."""
    before, after = (np.array([s.q, s.Q, s.r, s.R]) for s in (old, new))
    step = np.abs(after - before)
    with np.errstate(divide="ignore", invalid="ignore"):
        return bool((step < ABSOLUTE).all() or (step / after < RELATIVE).all())


def _guarded(s: State, g: float, beta: float) -> State:
    """Repair overlaps that sampling noise has driven out of their domain, as the paper's code does."""
    Q = s.Q if s.Q >= 0.0 else 1e-5
    Qh = s.Qh if s.Qh >= 0.0 else 1e-5
    largest = beta * g**2 * Q * Qh
    return s._replace(Q=Q, Qh=Qh, Rh=np.sqrt(0.1 * largest) if s.Rh**2 > largest else s.Rh)


def iterate(
    start: State, g: float, beta: float, gamma: float, frozen: Frozen, patience: int = PATIENCE, most: int = MOST
) -> Run:
    """Iterate from `start` until the published stopping rule accepts a step.

    Parameters
    ----------
    start : State
        First order parameters; qh and Qh start at 0 whatever it says.
    g, beta, gamma : float
        Coupling strength, inverse temperature (finite), reciprocity.
    frozen : Frozen
        From `freeze`, or from `exact` for the same iteration without sampling noise.
    patience, most : int
        The iteration from which steps may be accepted, and the last one.

    Returns
    -------
    Run
    """
    s, damping, l2 = start._replace(qh=0.0, Qh=0.0), DAMPING, np.nan
    path = []
    for iteration in range(most):
        path.append(s)
        m = averages(s, g, beta, frozen)
        l2 = m.xx
        image = right_hand_sides(s, m, g, beta, gamma)
        new = State(*(damping * x + (1.0 - damping) * y for x, y in zip(s, image, strict=True)))
        if iteration >= patience and _accepted(s, new):
            return Run(s, l2, iteration, True, path)
        if not np.isfinite(new).all():
            break
        s = _guarded(new, g, beta)
        damping = 0.8 if iteration >= 1500 else 0.6 if iteration >= 1000 else damping
    return Run(s, l2, iteration, False, path)


def random_start(seed: int) -> State:
    """q = 1e-5, r uniform in [0, 1]; Q and R uniform fractions of them."""
    fraction_Q, r, fraction_R = np.random.default_rng(seed).uniform(size=3)
    return State(q=1e-5, Q=1e-5 * fraction_Q, r=r, R=fraction_R * r)


def chain(points: Iterable[tuple[float, float]], gamma: float, frozen: Frozen, start: State) -> list[Run]:
    """Runs along a list of (g, beta), each started where the one before it stopped."""
    runs = []
    for g, beta in points:
        runs.append(iterate(start, g, beta, gamma, frozen))
        start = runs[-1].state
    return runs
