"""Integrators: how every chain moves at its own g and beta.

In units where mass is 1 and dE is the force: momenta p ~ N(0, 1/beta), kept as P = sqrt(beta) p.
Metropolised schemes are exact at any step size; Euler-Maruyama has a bias of first order in dt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nsslib.config import Sampler
from nsslib.errors import UserError
from nsslib.sampling import kernels, rng
from nsslib.sampling.ensemble import Ensemble, Point

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Integrator:
    """One step of all chains.

    Attributes
    ----------
    step : callable
        ``step(ensemble, eps, t)`` moves all chains with step sizes eps (C,) at counter t and
        returns the acceptance probability of every row.
    exact : bool
        Whether exp(-beta E) is invariant at any step size.
    start : float
        Step size that tuning starts from, or the one of "auto" where nothing is tuned.
    """

    step: Callable[[Ensemble, Rows, int], Rows]
    exact: bool
    start: float


def integrator(sampler: Sampler) -> Integrator:
    """Integrator of a sampler's settings."""
    match sampler.integrator:
        case "hmc":
            return Integrator(HMC(sampler.leapfrogs), exact=True, start=0.3)
        case "mala":
            return Integrator(HMC(1), exact=True, start=0.3)
        case "ghmc":
            return Integrator(GHMC(sampler.friction), exact=True, start=0.3)
        case _:
            return Integrator(euler_maruyama, exact=False, start=0.05)


def leapfrog(ensemble: Ensemble, eps: Rows, count: int) -> None:
    """Leapfrog steps p -= eps dE / 2, x += eps p, p -= eps dE / 2."""
    x, P, scale = ensemble.point.X, ensemble.P, np.sqrt(ensemble.beta)
    drift, kick = eps / scale, -eps * scale
    kernels.add(P, 0.5 * kick, ensemble.point.G)
    for _ in range(count):
        kernels.add(x, drift, P)
        ensemble.evaluate()
        kernels.add(P, kick, ensemble.point.G)
    kernels.add(P, -0.5 * kick, ensemble.point.G)


class _Metropolis:
    """Accept or undo a trajectory by its error in H = beta E + |P|^2 / 2."""

    _before: Point | None = None

    def trajectory(self, ensemble: Ensemble, eps: Rows, count: int, t: int) -> Rows:
        """Leapfrog, then accept each chain with probability min(1, exp(-dH))."""
        point = ensemble.point
        if self._before is None:
            self._before = Point(*(np.empty_like(a) for a in vars(point).values()))
        self._before.copy_from(point)
        H = self._hamiltonian(ensemble)
        leapfrog(ensemble, eps, count)
        with np.errstate(all="ignore"):
            dH = self._hamiltonian(ensemble) - H
            # A trajectory that diverged has dH = inf or nan and is undone.
            probability = np.where(dH <= 0.0, 1.0, np.nan_to_num(np.exp(-np.abs(dH)), nan=0.0))
        u = np.empty(len(dH))
        rng.uniforms(u, ensemble.key, rng.ACCEPT, t)
        self.rejected = ~(u < probability)
        point.copy_from(self._before, self.rejected)
        return probability

    @staticmethod
    def _hamiltonian(ensemble: Ensemble) -> Rows:
        kinetic = np.empty(len(ensemble.cell))
        kernels.square(ensemble.P, kinetic)
        return ensemble.beta * ensemble.energy() + 0.5 * kinetic


class HMC(_Metropolis):
    """Hamiltonian Monte Carlo (Duane et al. 1987); one leapfrog step is MALA.

    The number of leapfrog steps is uniform on 1 ... 2 L - 1, so that no mode is resonant.
    """

    def __init__(self, leapfrogs: int) -> None:
        self.leapfrogs = leapfrogs

    def __call__(self, ensemble: Ensemble, eps: Rows, t: int) -> Rows:
        """One trajectory from fresh momenta."""
        count = 1 + int(rng.uniform(ensemble.key, rng.LENGTH, t, 0) * (2 * self.leapfrogs - 1))
        rng.normals(ensemble.P, ensemble.key, rng.MOMENTA, t)
        return self.trajectory(ensemble, eps, count, t)


class GHMC(_Metropolis):
    """Metropolised underdamped Langevin (Horowitz 1991): one leapfrog step, momenta mostly kept."""

    def __init__(self, friction: float) -> None:
        self.friction = friction

    def __call__(self, ensemble: Ensemble, eps: Rows, t: int) -> Rows:
        """Partial refreshment, one leapfrog step, momentum flip where rejected."""
        noise = np.empty_like(ensemble.P)
        rng.normals(noise, ensemble.key, rng.MOMENTA, t)
        c = np.exp(-self.friction * eps)
        kernels.mix(ensemble.P, c, np.sqrt(1.0 - c * c), noise)
        start = ensemble.P.copy()
        probability = self.trajectory(ensemble, eps, 1, t)
        ensemble.P[self.rejected] = -start[self.rejected]
        return probability


def euler_maruyama(ensemble: Ensemble, dt: Rows, t: int) -> Rows:
    """x += -dE dt + sqrt(2 dt / beta) n: the unadjusted Langevin dynamics of arXiv 2401.10009."""
    rng.normals(ensemble.P, ensemble.key, rng.MOMENTA, t)
    kernels.add(ensemble.point.X, -dt, ensemble.point.G)
    kernels.add(ensemble.point.X, np.sqrt(2.0 * dt / ensemble.beta), ensemble.P)
    ensemble.evaluate()
    bad = np.flatnonzero(~np.isfinite(ensemble.point.sums).all(axis=1))
    if len(bad):
        raise UserError(
            f"euler-maruyama diverged at step {t}, g={ensemble.g[bad[0]]:.12g}, "
            f"beta={ensemble.beta[bad[0]]:.12g}; choose a smaller step_size than {dt[bad[0]]:g}"
        )
    return np.ones(len(dt))
