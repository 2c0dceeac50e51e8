"""The limit beta -> inf of the zero-overlap branch.

Three kinds of solution compete; free energies are compared after subtracting ln(2 pi/beta)/2.

- the linear phase, g < 1/(1 + gamma): q ~ 1/beta, closed forms;
- the origin beyond its transition, g^2 (1 + gamma) <= 1: q -> 0 but beta q -> inf (as beta^-1/2),
  R_int = 1/(g^2 (1 + gamma)); there -beta f decreases with q at first order, above it increases;
- active solutions with q > 0: the finite-temperature equations at t = 0.

With eta > 0 the energy has its only zero at x = 0, and the linear phase (with 2 eta added to the
Hessian) is the only one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nsslib.model import PHI
from nsslib.theory.equations import Point
from nsslib.theory.linear_phase import linear_phase, transition
from nsslib.theory.zero_overlap import EPS, Solution, paramagnets

SMALLEST = 1e-7


def _origin(at: Point) -> Solution | None:
    """All weight at x = 0, where phi is linear: q = l2 = Y = 0."""
    g, gamma = at.g, at.gamma
    below = g < transition(gamma)
    if not below and (at.phi.name == "linear" or g**2 * (1.0 + gamma) > 1.0 + EPS):
        return None
    R, beta_q, excess = (float(value) for value in linear_phase(g, gamma))
    kappa = g**2 * gamma * R
    # a = beta q Y: no excess speed in the linear phase, R_int^2 - 1/g^2 from the transition on.
    a = 0.0 if below else R**2 - 1.0 / g**2
    if below:
        # First order in t: Y is twice the correction to the free energy, from phi's third derivative.
        h = np.array(1e-6)
        third = float(at.phi.log_slope(h) / h)
        qh = g**2 * third * kappa * beta_q * R
        residual = abs(R * (1.0 - kappa) - 1.0)
    else:
        qh = 0.0 if gamma == 0.0 else -np.inf
        residual = abs(g**2 * R * (1.0 + gamma) - 1.0)
    return Solution((0.0, 0.0, R, 0.0, qh, 0.0), 0.0, 0.0, a, 0.0, excess, max(residual, EPS))


def _confined(g: float, gamma: float, eta: float) -> list[Solution]:
    """Solve the linear problem of eta > 0, where beta drops out, at beta = 1."""
    solutions = paramagnets(Point(g, 1.0, gamma, eta, PHI["linear"]))
    return [
        replace(s, y=(0.0, 0.0, s.y[2], 0.0, float(np.sign(s.y[4])) * np.inf if s.y[4] else 0.0, 0.0), l2=0.0)
        for s in solutions
    ]


def ground_states(at: Point, eta: float) -> list[Solution]:
    """Every zero-overlap solution at t = 0, largest free energy excess first."""
    if eta > 0.0:
        return _confined(at.g, at.gamma, eta)
    active = paramagnets(at) if at.g > 0.0 and at.phi.name != "linear" else []
    # Towards q = 0 every R_int = 1 / (g^2 (1 + gamma)) solves the equations to order q.
    solutions = [s for s in active if s.y[0] > SMALLEST]
    origin = _origin(at)
    return sorted([*solutions, *([origin] if origin else [])], key=lambda s: -s.excess)
