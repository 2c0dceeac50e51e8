"""The compiled passes agree with the reference model at any state."""

import numpy as np
import pytest

from nsslib.kernels.cpu import passes
from nsslib.kernels.cpu.products import LANES
from nsslib.model import quasipotential
from nsslib.model.couplings import couplings
from nsslib.model.transfer import PHI
from nsslib.sampling.ensemble import Ensemble
from nsslib.sampling.preconditioner import preconditioner, reference_g

ETA = 0.2
TOLERANCE = {"float64": 1e-12, "float32": 1e-4}


@pytest.fixture(params=[(phi, precision) for phi in PHI for precision in TOLERANCE], ids="-".join)
def ensemble(request, make_shard):
    """An ensemble at random states, with its labels shuffled as exchange would leave them."""
    phi, precision = request.param
    made = Ensemble(make_shard(N=[9], gamma=[0.4], model={"phi": phi, "eta": ETA}, sampler={"precision": precision}))
    random = np.random.default_rng(3)
    made.cell[:] = random.permutation(made.cell)
    made.walker[made.cell] = np.arange(len(made.cell))
    made.relabel()
    made.backend.load(random.normal(size=(len(made.cell), 9)))
    return made


@pytest.fixture
def tolerance(ensemble):
    return TOLERANCE[ensemble.backend.chains.X.dtype.name]


def rows(ensemble, function, g=None):
    """A function of the reference model for every row, at its own g or another."""
    (x, _), J0, phi = ensemble.backend.state(), ensemble.J0, list(passes.KINDS)[ensemble.backend.network.kind]
    g = ensemble.cell_g[ensemble.cell] if g is None else g
    return np.array([function(x[c], g[c] * J0, phi, ETA) for c in range(len(x))])


def forces(ensemble):
    """Gradients of the chains, (C, unit)."""
    chains = ensemble.backend.chains
    return chains.G.swapaxes(1, 2).reshape(-1, chains.G.shape[1])[: len(ensemble.cell), :9]


def test_the_force_is_the_gradient_of_the_model(ensemble, tolerance):
    expected = rows(ensemble, quasipotential.gradient)
    assert np.max(np.abs(forces(ensemble) - expected)) < tolerance * np.max(np.abs(expected))


def test_the_sums_give_the_energy_of_the_model(ensemble, tolerance):
    found = passes.energy_at.py_func(ensemble.cell_g[ensemble.cell], *ensemble.backend.sums(), ETA)
    np.testing.assert_allclose(found, rows(ensemble, quasipotential.energy), rtol=tolerance)


def test_the_sums_give_the_energy_at_any_other_g(ensemble, tolerance):
    g = np.linspace(0.0, 2.0, len(ensemble.cell))
    found = passes.energy_at.py_func(g, *ensemble.backend.sums(), ETA)
    np.testing.assert_allclose(found, rows(ensemble, quasipotential.energy, g), rtol=tolerance)


def test_new_labels_need_no_new_field(ensemble, tolerance):
    ensemble.cell[:] = ensemble.cell[::-1].copy()
    ensemble.walker[ensemble.cell] = np.arange(len(ensemble.cell))
    ensemble.relabel()
    expected = rows(ensemble, quasipotential.gradient)
    assert np.max(np.abs(forces(ensemble) - expected)) < tolerance * np.max(np.abs(expected))


def test_half_of_the_replicas_start_cold_and_half_hot(make_shard):
    ensemble = Ensemble(make_shard(N=[64], sampler={"replicas": 4}))
    x = ensemble.backend.state()[0].reshape(4, -1)
    assert not x[[0, 2]].any()
    assert np.all(np.abs(x[[1, 3]].std(axis=1) - 1.0) < 0.15)


def test_the_couplings_are_those_of_the_model(make_shard):
    shard = make_shard(N=[9], gamma=[0.4], seeds=[6], model={"diagonal": "iid"})
    np.testing.assert_array_equal(Ensemble(shard).J0, couplings(9, 0.4, 6, "iid"))


def passed(x, kind, dtype):
    X = np.zeros((1, -(-len(x) // LANES), LANES), dtype)
    X.ravel()[: len(x)] = x
    F, D = np.empty_like(X), np.empty_like(X)
    passes.transfer(passes.KINDS[kind], X.shape[1], X, F, D)
    return F.ravel()[: len(x)], D.ravel()[: len(x)]


@pytest.mark.parametrize("phi", PHI)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-6)])
def test_transfer_functions_and_slopes_are_those_of_the_model(phi, dtype, tolerance):
    x = np.linspace(-4.0, 4.0, 101).astype(dtype)
    value, slope = passed(x, phi, dtype)
    np.testing.assert_allclose(value, PHI[phi].value(x.astype(float)), atol=tolerance)
    np.testing.assert_allclose(slope, PHI[phi].derivative(x.astype(float)), atol=tolerance)


def test_every_transfer_function_of_the_model_has_a_kernel():
    assert set(passes.KINDS) == set(PHI)


def test_linear_passes_do_what_their_names_say():
    random = np.random.default_rng(0)
    Y, Z, T = random.normal(size=(3, 2, 5, LANES))
    a, b = random.normal(size=(2, 2, 1, LANES))
    added, both = Y.copy(), Y.copy()
    passes.add(5, added, a[:, 0], Z)
    passes.add_both(5, both, a[:, 0], Z, b[:, 0], T)
    np.testing.assert_allclose(added, Y + a * Z, rtol=1e-13)
    np.testing.assert_allclose(both, Y + a * Z + b * T, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("precondition", [True, False])
def test_kicks_and_drifts_move_whitened_coordinates(precondition, make_shard):
    made = Ensemble(make_shard(N=[9], gamma=[0.4], model={"eta": ETA}, sampler={"precondition": precondition}))
    B = preconditioner(made.J0, reference_g(0.4, 1.2), ETA) if precondition else np.eye(9)
    random = np.random.default_rng(1)
    X, P = random.normal(size=(2, len(made.cell), 9))
    backend = made.backend
    backend.load(X, P)
    G = forces(made)
    a, b = random.normal(size=(2, *backend.chains.g.shape))
    passes.kick_drift(backend.network, passes.tile(backend.chains, 0), backend.scratch, a, b)
    in_first_tile = slice(0, passes.TILE * LANES)
    P += a.ravel()[: len(P), None] * (G @ B.T)
    X += b.ravel()[: len(P), None] * (P @ B)
    for moved, expected in zip(backend.state(), (X, P), strict=True):
        np.testing.assert_allclose(moved[in_first_tile], expected[in_first_tile], rtol=1e-11, atol=1e-12)
