"""Integrators: how every chain moves at its own g and beta.

They move y, where x = B^T y (`nsslib.sampling.preconditioner`), in units where its mass is 1 and the gradient
B dE its force: momenta p ~ N(0, 1/beta), kept as P = sqrt(beta) p. Metropolised schemes are exact at any
step size; Euler-Maruyama and BAOAB have a bias of first and second order in theirs. Each scheme moves
one tile of chains; `step` moves all tiles.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from nsslib.kernels.cpu import random
from nsslib.kernels.cpu.passes import LANES, TILE, add_both, drift, force, hamiltonian, kick, kick_drift, sums, tile

HMC, GHMC, EULER_MARUYAMA, BAOAB = range(4)


@njit(error_model="numpy")
def leapfrog(network, c, s, eps, n_leapfrog):
    """n_leapfrog times (p -= eps B dE / 2, x += eps B^T p, p -= eps B dE / 2); neighbouring half kicks are one."""
    a, b = -eps * np.sqrt(c.beta), eps / np.sqrt(c.beta)
    kick_drift(network, c, s, 0.5 * a, b)
    force(network, c, s)
    for _ in range(n_leapfrog - 1):
        kick_drift(network, c, s, a, b)
        force(network, c, s)
    kick(network, c, s, 0.5 * a)


@njit(error_model="numpy")
def remember(network, c, s):
    """Keep the present point and its H = beta E + |P|^2 / 2."""
    n = len(c.X)
    s.X[:n], s.P[:n], s.A[:n], s.G[:n] = c.X, c.P, c.A, c.G
    hamiltonian(network, c, s.H[:n])


@njit(error_model="numpy")
def acceptance(dH):
    """min(1, exp(-dH)); 0 for a trajectory that diverged, dH = inf or nan."""
    if np.isnan(dH):
        return 0.0
    return 1.0 if dH <= 0.0 else np.exp(-dH)


@njit(error_model="numpy")
def metropolis(network, c, s, key, t, probability):
    """Accept each chain with probability min(1, exp(-dH)), or put it back with its momentum flipped."""
    sums(network, c)
    H, accepted = np.empty_like(c.g), np.empty(LANES, np.bool_)
    hamiltonian(network, c, H)
    for p in range(len(c.X)):
        for w in range(LANES):
            probability[p, w] = acceptance(H[p, w] - s.H[p, w])
            luck = random.uniform(key, random.ACCEPT, t, c.name[p, 0, w], c.name[p, 1, w])
            accepted[w] = luck < probability[p, w]
        for i in range(network.units):
            for w in range(LANES):
                c.X[p, i, w] = c.X[p, i, w] if accepted[w] else s.X[p, i, w]
                c.P[p, i, w] = c.P[p, i, w] if accepted[w] else -s.P[p, i, w]
                c.A[p, i, w] = c.A[p, i, w] if accepted[w] else s.A[p, i, w]
                c.G[p, i, w] = c.G[p, i, w] if accepted[w] else s.G[p, i, w]
    sums(network, c)


@njit(error_model="numpy")
def ghmc(network, c, s, eps, keep, n_leapfrog, key, t, probability):
    """Hamiltonian Monte Carlo with partial refreshment (Duane et al. 1987, Horowitz 1991).

    keep = 0 refreshes all momenta: HMC, and with one leapfrog step MALA.
    """
    random.refresh(c.P, network.units, keep, key, random.MOMENTA, t, c.name)
    remember(network, c, s)
    leapfrog(network, c, s, eps, n_leapfrog)
    metropolis(network, c, s, key, t, probability)


@njit(error_model="numpy")
def euler_maruyama(network, c, s, dt, key, t):
    """x += -dE dt + sqrt(2 dt / beta) n: the unadjusted Langevin dynamics of arXiv 2401.10009."""
    random.refresh(c.P, network.units, np.zeros_like(dt), key, random.MOMENTA, t, c.name)
    add_both(network.units, c.X, -dt, c.G, np.sqrt(2.0 * dt / c.beta), c.P)
    force(network, c, s)
    sums(network, c)


@njit(error_model="numpy")
def baoab(network, c, s, eps, keep, key, t):
    """Underdamped Langevin, kick-drift-refresh-drift-kick (Leimkuhler & Matthews 2013)."""
    a, b = -0.5 * eps * np.sqrt(c.beta), 0.5 * eps / np.sqrt(c.beta)
    kick_drift(network, c, s, a, b)
    random.refresh(c.P, network.units, keep, key, random.MOMENTA, t, c.name)
    drift(network, c, s, b)
    force(network, c, s)
    kick(network, c, s, a)
    sums(network, c)


@njit(cache=True, error_model="numpy")
def step(number, network, chains, s, eps, keep, n_leapfrog, key, t, probability):
    """One step of all chains.

    Parameters
    ----------
    number : int
        Scheme: HMC, GHMC, EULER_MARUYAMA or BAOAB.
    network, chains, s : Network, Chains, Scratch
    eps, keep : (panel, lane) arrays
        Step size, and share of the momentum that a refreshment keeps.
    n_leapfrog : int
        Leapfrog steps of a trajectory.
    key, t
        Stream and counter of the random numbers.
    probability : (panel, lane) array
        Overwritten by the acceptance probabilities.
    """
    probability[:] = 1.0
    for p in range(0, len(chains.X), TILE):
        c, q = tile(chains, p), p + TILE
        if number in (HMC, GHMC):
            ghmc(network, c, s, eps[p:q], keep[p:q], n_leapfrog, key, t, probability[p:q])
        elif number == EULER_MARUYAMA:
            euler_maruyama(network, c, s, eps[p:q], key, t)
        else:
            baoab(network, c, s, eps[p:q], keep[p:q], key, t)
