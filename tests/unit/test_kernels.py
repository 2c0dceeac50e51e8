"""The compiled passes agree with the reference model at any state."""

import numpy as np
import pytest

from nsslib import model
from nsslib.sampling import kernels
from nsslib.sampling.ensemble import Ensemble, energy_at

ETA = 0.2
TOLERANCE = {"float64": 1e-12, "float32": 1e-4}


@pytest.fixture(params=[(phi, precision) for phi in model.PHI for precision in TOLERANCE], ids="-".join)
def ensemble(request, make_shard):
    """An ensemble at random states, with its labels shuffled as exchange would leave them."""
    phi, precision = request.param
    made = Ensemble(make_shard(N=[9], gamma=[0.4], model={"phi": phi, "eta": ETA}, sampler={"precision": precision}))
    random = np.random.default_rng(3)
    made.point.X[:] = random.normal(size=made.point.X.shape)
    made.cell[:] = random.permutation(made.cell)
    made.walker[made.cell] = np.arange(len(made.cell))
    made.evaluate()
    return made


@pytest.fixture
def tolerance(ensemble):
    return TOLERANCE[ensemble.point.X.dtype.name]


def rows(ensemble, function, g=None):
    """A function of the reference model for every row, at its own g or another."""
    x, J0 = ensemble.point.X.astype(float), ensemble.J0.astype(float)
    g = ensemble.g if g is None else g
    return np.array([function(x[c], g[c] * J0, ensemble.phi, ETA) for c in range(len(x))])


def test_the_force_is_the_gradient_of_the_model(ensemble, tolerance):
    expected = rows(ensemble, model.gradient)
    assert np.max(np.abs(ensemble.point.G - expected)) < tolerance * np.max(np.abs(expected))


def test_the_sums_give_the_energy_of_the_model(ensemble, tolerance):
    np.testing.assert_allclose(ensemble.energy(), rows(ensemble, model.energy), rtol=tolerance)


def test_the_sums_give_the_energy_at_any_other_g(ensemble, tolerance):
    g = np.linspace(0.0, 2.0, len(ensemble.cell))
    found = energy_at(g, ensemble.point.sums, ETA)
    np.testing.assert_allclose(found, rows(ensemble, model.energy, g), rtol=tolerance)


def test_new_labels_need_no_new_field(ensemble, tolerance):
    ensemble.cell[:] = ensemble.cell[::-1].copy()
    ensemble.walker[ensemble.cell] = np.arange(len(ensemble.cell))
    ensemble.relabel()
    expected = rows(ensemble, model.gradient)
    assert np.max(np.abs(ensemble.point.G - expected)) < tolerance * np.max(np.abs(expected))


def test_half_of_the_replicas_start_cold_and_half_hot(make_shard):
    ensemble = Ensemble(make_shard(N=[64], sampler={"replicas": 4}))
    x = ensemble.point.X.reshape(4, -1)
    assert not x[[0, 2]].any()
    assert np.all(np.abs(x[[1, 3]].std(axis=1) - 1.0) < 0.15)


def test_the_couplings_are_those_of_the_model(make_shard):
    shard = make_shard(N=[9], gamma=[0.4], seeds=[6], model={"diagonal": "iid"})
    np.testing.assert_array_equal(Ensemble(shard).J0, model.couplings(9, 0.4, 6, "iid"))


def passed(x, kind="tanh", dtype=float):
    X = np.atleast_2d(x).astype(dtype)
    F, D = np.empty_like(X), np.empty_like(X)
    kernels.transfer(kernels.KINDS[kind], X, F, D)
    return F[0], D[0]


def test_tanh_is_good_to_4_ulp():
    x = np.geomspace(1e-8, 50.0, 20_001)
    exact = np.tanh(x.astype(np.longdouble))
    for sign in (1, -1):
        found = sign * passed(sign * x)[0]
        assert np.max(np.abs(found - exact) / np.spacing(exact.astype(float))) < 4


def test_tanh_is_exact_at_its_ends():
    np.testing.assert_array_equal(passed(np.array([0.0, np.inf, -np.inf, 400.0]))[0], [0.0, 1.0, -1.0, 1.0])


@pytest.mark.parametrize("phi", model.PHI)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-6)])
def test_transfer_functions_and_slopes_are_those_of_the_model(phi, dtype, tolerance):
    x = np.linspace(-4.0, 4.0, 101).astype(dtype)
    value, slope = passed(x, phi, dtype)
    np.testing.assert_allclose(value, model.PHI[phi].value(x.astype(float)), atol=tolerance)
    np.testing.assert_allclose(slope, model.PHI[phi].derivative(x.astype(float)), atol=tolerance)


def test_every_transfer_function_of_the_model_has_a_kernel():
    assert set(kernels.KINDS) == set(model.PHI)


def test_linear_passes_do_what_their_names_say():
    random = np.random.default_rng(0)
    Y, Z, a, b = random.normal(size=(3, 5)), random.normal(size=(3, 5)), *random.normal(size=(2, 3))
    added, mixed, squares = Y.copy(), Y.copy(), np.empty(3)
    kernels.add(added, a, Z)
    kernels.mix(mixed, a, b, Z)
    kernels.square(Y, squares)
    np.testing.assert_allclose(added, Y + a[:, None] * Z, rtol=1e-14)
    np.testing.assert_allclose(mixed, a[:, None] * Y + b[:, None] * Z, rtol=1e-14)
    np.testing.assert_allclose(squares, (Y**2).sum(1), rtol=1e-14)
