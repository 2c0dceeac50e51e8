"""The limit beta -> inf of the zero-overlap branch.

Three kinds of solution compete; free energies are compared after subtracting ln(2 pi/beta)/2.

- the linear phase, g < 1/(1 + gamma): q ~ 1/beta, closed forms;
- the origin beyond its transition, g^2 (1 + gamma) <= 1: q -> 0 but beta q -> inf (as beta^-1/2),
  R_int = 1/(g^2 (1 + gamma)); there -beta f decreases with q at first order, above it increases;
- active solutions with q > 0: the finite-temperature equations at t = 0.

With eta > 0 the energy has its only zero at x = 0, and the linear phase (with 2 eta added to the
Hessian) is the only one, at every g: `linear_phase` has the proof and the closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nsslib.model.transfer import PHI
from nsslib.theory.replica.equations import Order, Point
from nsslib.theory.replica.linear_phase import linear_phase, transition
from nsslib.theory.replica.stability import replicon_modulus
from nsslib.theory.replica.zero_overlap import EPS, SMALLEST, Solution, paramagnets


def _origin(point: Point) -> Solution | None:
    """All weight at x = 0, where phi(x) = slope x: q = l2 = Y = 0."""
    zero = np.zeros(1)
    slope = float(point.phi.derivative(zero)[0])
    # With phi / slope in place of phi: g slope for g, R_int / slope for R_int, q / slope^2 for q.
    g, gamma = point.g * slope, point.gamma
    below = g < transition(gamma)
    if not below and (point.phi.name == "linear" or g**2 * (1.0 + gamma) > 1.0 + EPS):
        return None
    R, beta_q, excess = (float(value) for value in linear_phase(g, gamma))
    kappa = g**2 * gamma * R
    # beta q Y: no excess speed in the linear phase, R_int^2 - 1/g^2 from the transition on.
    a = 0.0 if below else R**2 - 1.0 / g**2
    if below:
        # First order in t: Y is twice the correction to the free energy, from phi's third derivative.
        h = zero + 1e-6
        third = float((point.phi.log_slope(h) / h)[0])
        qh = g**2 * third * kappa * beta_q * R / slope**2
        residual = abs(R * (1.0 - kappa) - 1.0)
    else:
        qh = 0.0 if gamma == 0.0 else -np.inf
        residual = abs(g**2 * R * (1.0 + gamma) - 1.0)
    stability = float(replicon_modulus(1.0, R, a, g, gamma))
    return Solution(Order(0.0, 0.0, R * slope, 0.0, qh, 0.0), 0.0, 0.0, 0.0, excess, stability, max(residual, EPS))


def _confined(points: Sequence[Point], eta: float) -> list[list[Solution]]:
    """Solve the linear problem of eta > 0, where beta drops out, at beta = 1."""
    slope = float(points[0].phi.derivative(np.zeros(1))[0])
    linear = [Point(p.g * slope, 1.0, p.gamma, eta, PHI["linear"]) for p in points]
    return [[_frozen(s, slope) for s in solutions] for solutions in paramagnets(linear)]


def _frozen(s: Solution, slope: float) -> Solution:
    """Carry a linear solution at beta = 1 to beta = inf: the squares are of order 1/beta."""
    qh = float(np.copysign(np.inf, s.order.qh)) if s.order.qh else 0.0
    return replace(s, order=Order(0.0, 0.0, s.order.R_int * slope, 0.0, qh, 0.0), l2=0.0)


def ground_states(points: Sequence[Point], eta: float) -> list[list[Solution]]:
    """Every zero-overlap solution at t = 0, largest free energy excess first."""
    if eta > 0.0:
        return _confined(points, eta)
    active = [k for k, p in enumerate(points) if p.g > 0.0 and p.phi.name != "linear"]
    every: list[list[Solution]] = [[] for _ in points]
    for k, solutions in zip(active, paramagnets([points[k] for k in active]), strict=True):
        # Towards q = 0 every R_int = 1 / (g^2 (1 + gamma)) solves the equations to order q.
        every[k] = [s for s in solutions if s.order.q > SMALLEST]
    for point, solutions in zip(points, every, strict=True):
        origin = _origin(point)
        solutions.extend([origin] if origin else [])
        solutions.sort(key=lambda s: -s.excess)
    return every
