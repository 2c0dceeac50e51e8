"""Estimators against sums written out by hand."""

import numpy as np
import pytest

from nsslib.model import estimators, observables
from nsslib.model.couplings import couplings
from nsslib.model.quasipotential import gradient, laplacian, residual

REPLICAS, CELLS, N = 3, 2, 4
BETA = np.array([2.0, 7.0])
ETA = 0.2
J = couplings(N, 0.3, seed=1)


@pytest.fixture
def state():
    x = np.random.default_rng(0).normal(size=(REPLICAS, CELLS, N))
    v, dE, lap = np.empty_like(x), np.empty_like(x), np.empty(x.shape[:-1])
    for at in np.ndindex(x.shape[:-1]):
        v[at], dE[at], lap[at] = residual(x[at], J), gradient(x[at], J, eta=ETA), laplacian(x[at], J, eta=ETA)
    return x, v, np.tanh(x), dE, lap


def dot(a, b):
    return sum(a[i] * b[i] for i in range(N))


def test_observables_of_single_replicas(state):
    found = estimators.single(*state, BETA, ETA)
    for r, c in np.ndindex(REPLICAS, CELLS):
        x, v, f, dE, lap = (a[r, c] for a in state)
        expected = {
            "q": dot(f, f) / N,
            "l2": dot(x, x) / N,
            "energy": (0.5 * dot(v, v) + ETA * dot(x, x)) / N,
            "r": np.sqrt(BETA[c]) * dot(v, f) / N,
            "Y": BETA[c] * dot(v, v) / N - 1.0,
            "virial": BETA[c] * dot(x, dE) / N,
            "grad2": BETA[c] * dot(dE, dE) / N,
            "laplacian": lap / N,
        }
        assert set(found) == set(expected)
        for name, value in expected.items():
            assert found[name][r, c] == pytest.approx(value, rel=1e-13), name


def test_overlaps_of_pairs(state):
    _, v, f, *_ = state
    found = estimators.pair(v, f, BETA)
    assert set(found) == {"Q", "R", "Yh"}
    for k, (a, b) in enumerate(observables.pairs(REPLICAS)):
        for c in range(CELLS):
            response = (dot(v[a, c], f[b, c]) + dot(v[b, c], f[a, c])) / (2 * N)
            assert found["Q"][k, c] == pytest.approx(dot(f[a, c], f[b, c]) / N, rel=1e-13)
            assert found["R"][k, c] == pytest.approx(np.sqrt(BETA[c]) * response, rel=1e-13)
            assert found["Yh"][k, c] == pytest.approx(BETA[c] * dot(v[a, c], v[b, c]) / N, rel=1e-13)


def test_pairs_run_over_the_second_replica_first():
    assert observables.pairs(4) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_every_observable_has_a_name_in_words_and_an_estimator(state):
    recorded = estimators.single(*state, BETA, ETA).keys() | estimators.pair(state[1], state[2], BETA).keys()
    assert recorded == set(observables.names("recorded"))
    for entry in observables.OBSERVABLES.values():
        assert entry.words and entry.estimator and entry.symbol
