"""The published algorithms without temperature: the zero-temperature scheme and the static DMFT.

Written from the description in Qiu & Huang (arXiv 2401.10009) and the settings of its figures;
phi = tanh, eta = 0.

Zero temperature. With chi = beta (q - Q), rt = r/sqrt(beta), -xi = sqrt(beta) (r - R) and s2 = 1 + g^2 chi,
two standard Gaussians (u, v) per site and s = sqrt(Qt - kappa^2/(g^2 q)), x maximises

    H = -ct phi^2 + (s u + kappa v/(g sqrt(q))) phi - (x - G phi - g sqrt(q) v)^2/(2 s2)

found by golden sections in [-10, 0] and [0, 10]. Fresh (u, v) every iteration, damping and stopping
rule as at finite temperature. The scheme assumes that chi stays finite.

Static DMFT. x = n + w phi(x), n ~ N(0, g^2 C), w = g^2 gamma R, with the response R = E[phi'](1 + w R);
its exact average is E[phi'/(1 - w phi')], see `nsslib.theory.mean_field.static`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from reproductions.qiu_huang_2024.protocol import ABSOLUTE, DAMPING, PATIENCE, RELATIVE, Floats

ZERO_FIELDS, DMFT_FIELDS = 500_000, 100_000
GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)


class Ground(NamedTuple):
    """State of the zero-temperature scheme."""

    q: float
    chi: float
    Qt: float
    ct: float
    rt: float
    xi: float
    kappa: float
    G: float


class GroundRun(NamedTuple):
    """Where the zero-temperature scheme stopped, and the dropped term of its free energy."""

    state: Ground
    l2: float
    iterations: int
    stopped: bool
    dropped: float


def golden_section(f: Callable[[Floats], Floats], low: float, high: float, size: int, steps: int = 30) -> Floats:
    """Maximise a function of one variable per site on [low, high], assumed unimodal there."""
    a, b = np.full(size, low), np.full(size, high)
    left, right = b - GOLDEN * (b - a), a + GOLDEN * (b - a)
    f_left, f_right = f(left), f(right)
    for _ in range(steps):
        go_left = f_left >= f_right
        a, b = np.where(go_left, a, left), np.where(go_left, right, b)
        fresh = np.where(go_left, b - GOLDEN * (b - a), a + GOLDEN * (b - a))
        value = f(fresh)
        left, right = np.where(go_left, fresh, right), np.where(go_left, left, fresh)
        f_left, f_right = np.where(go_left, value, f_right), np.where(go_left, f_left, value)
    return 0.5 * (a + b)


def _maximiser(s: Ground, g: float, u: Floats, v: Floats) -> Floats:
    """x of largest H at every site, the better of both half-lines."""
    field = np.sqrt(max(s.Qt - s.kappa**2 / (g**2 * s.q), 0.0)) * u + s.kappa / (g * np.sqrt(s.q)) * v
    shift, s2 = g * np.sqrt(s.q) * v, 1.0 + g**2 * s.chi

    def H(x: Floats) -> Floats:
        p = np.tanh(x)
        value: Floats = -s.ct * p * p + field * p - (x - s.G * p - shift) ** 2 / (2.0 * s2)
        return value

    negative, positive = golden_section(H, -10.0, 0.0, len(u)), golden_section(H, 0.0, 10.0, len(u))
    return np.where(H(negative) > H(positive), negative, positive)


def _image(s: Ground, g: float, gamma: float, u: Floats, v: Floats) -> tuple[Ground, float]:
    """One undamped iteration, and <x^2>."""
    x = _maximiser(s, g, u, v)
    p, s2, width = np.tanh(x), 1.0 + g**2 * s.chi, g * np.sqrt(s.q)
    chi = float(np.mean(u * p)) / np.sqrt(s.Qt - s.kappa**2 / (g**2 * s.q))
    vp, vx, pp, px = (float(np.mean(m)) for m in (v * p, v * x, p * p, p * x))
    ct = g**2 / (2.0 * s2) * (1.0 - vx / width) - s.kappa**2 * chi / (2.0 * width**2 * s.q)
    return Ground(
        q=pp,
        chi=chi,
        Qt=g**2 / s2**2 * float(np.mean((x - s.G * p - width * v) ** 2)),
        ct=ct + 0.5 * (g * s.G / s2 + s.kappa / (g * s.q)) * vp / np.sqrt(s.q),
        rt=(px - s.G * pp - width * vp) / s2,
        xi=s.kappa * chi / (g**2 * s.q) - vp / width,
        kappa=g**2 * gamma * s.rt,
        G=-(g**2) * gamma * s.xi,
    ), float(np.mean(x * x))


def _repaired(new: Ground, old: Ground, g: float) -> Ground:
    """Keep the state in its domain, as the paper's code does."""
    q, chi = (value if value >= 0.0 else 1e-8 for value in (new.q, new.chi))
    Qt = new.Qt if new.Qt >= 0.0 else old.Qt
    largest = g**2 * q * Qt
    return new._replace(q=q, chi=chi, Qt=Qt, kappa=np.sqrt(0.1 * largest) if new.kappa**2 > largest else new.kappa)


def _start(g: float, gamma: float, rng: np.random.Generator) -> Ground:
    q, chi, rt, minus_xi, Qt = rng.uniform(size=5)
    kappa = g**2 * gamma * rt
    return Ground(q, chi, Qt + kappa**2 / (g**2 * q), -(g**2), rt, -minus_xi, kappa, g**2 * gamma * minus_xi)


def zero_temperature(
    g: float, gamma: float, seed: int, fields: int = ZERO_FIELDS, patience: int = PATIENCE, most: int = 1000
) -> GroundRun:
    """Run the published zero-temperature scheme from a random start.

    Parameters
    ----------
    g, gamma : float
        Coupling strength, reciprocity.
    seed, fields : int
        Seed, and number of (u, v) drawn afresh at every iteration.
    patience, most : int
        The iteration from which steps may be accepted, and the last one.

    Returns
    -------
    GroundRun
        `dropped` is the term (rt G - kappa xi) that the published free energy leaves out.
    """
    rng = np.random.default_rng(seed)
    s, damping, l2, iteration = _start(g, gamma, rng), DAMPING, np.nan, 0
    stopped = False
    with np.errstate(invalid="ignore", divide="ignore"):
        for iteration in range(most):
            image, l2 = _image(s, g, gamma, *rng.standard_normal((2, fields)))
            new = Ground(*(damping * x + (1.0 - damping) * y for x, y in zip(s, image, strict=True)))
            step, size = (np.abs([t[i] for i in (0, 1, 4, 5)]) for t in (np.subtract(new, s), new))
            stopped = iteration >= patience and bool((step < ABSOLUTE).all() or (step / size < RELATIVE).all())
            if stopped or not np.isfinite(new).all():
                break
            s = _repaired(new, s, g)
            damping = 0.8 if iteration >= 800 else 0.6 if iteration >= 600 else damping
    return GroundRun(s, l2, iteration, stopped, s.rt * s.G - s.kappa * s.xi)


def static_dmft(g: float, gamma: float, seed: int, fields: int = DMFT_FIELDS) -> tuple[float, float]:
    """C and R of the published static DMFT.

    Parameters
    ----------
    g, gamma : float
        Coupling strength, reciprocity.
    seed, fields : int
        Seed, and number of Gaussian fields drawn afresh at every iteration.

    Returns
    -------
    (C, R)
        After 100 iterations, or from iteration 40 on once both change by less than 1e-5.
    """
    rng = np.random.default_rng(seed)
    C, R = rng.uniform(size=2) * (1.0, 0.1)
    for iteration in range(100):
        w, noise = g**2 * gamma * R, g * np.sqrt(C) * rng.standard_normal(fields)
        x, change = np.zeros(fields), np.inf
        while change >= 1e-5:
            x, old = noise + w * np.tanh(x), x
            change = float(np.abs(x - old).max())
        p = np.tanh(x)
        new_C = float(np.mean(p * p))
        new_R = float(np.mean(1.0 - np.tanh(noise + w * p) ** 2)) * (1.0 + w * R)
        if iteration >= 40 and max(abs(new_C - C), abs(new_R - R)) < 1e-5:
            break
        C, R = (DAMPING * old + (1.0 - DAMPING) * new for old, new in ((C, new_C), (R, new_R)))
    return C, R
