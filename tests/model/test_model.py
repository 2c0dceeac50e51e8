"""The reference model: derivatives agree with differences, couplings with their definition."""

import numpy as np
import pytest

from nsslib.errors import UserError
from nsslib.model.couplings import couplings
from nsslib.model.quasipotential import energy, gradient, laplacian, residual
from nsslib.model.transfer import PHI

N, ETA = 6, 0.3
J = 1.3 * couplings(N, 0.4, seed=5, diagonal="iid")
STATES = {"(N,)": (N,), "(N, C)": (N, 3)}


@pytest.fixture(params=STATES, ids=str)
def x(request):
    return np.random.default_rng(1).normal(size=STATES[request.param])


def shifted(x, i, h):
    moved = x.copy()
    moved[i] += h
    return moved


@pytest.mark.parametrize("phi", PHI)
def test_gradient_is_the_difference_of_energy(phi, x):
    h = 1e-6
    expected = [
        (energy(shifted(x, i, h), J, phi, ETA) - energy(shifted(x, i, -h), J, phi, ETA)) / (2 * h) for i in range(N)
    ]
    np.testing.assert_allclose(gradient(x, J, phi, ETA), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("phi", PHI)
def test_laplacian_is_the_divergence_of_the_gradient(phi, x):
    h = 1e-6
    expected = sum(
        (gradient(shifted(x, i, h), J, phi, ETA)[i] - gradient(shifted(x, i, -h), J, phi, ETA)[i]) / (2 * h)
        for i in range(N)
    )
    np.testing.assert_allclose(laplacian(x, J, phi, ETA), expected, rtol=1e-7)


@pytest.mark.parametrize("phi", PHI)
def test_columns_are_independent_states(phi):
    x = np.random.default_rng(2).normal(size=(N, 3))
    for function in (energy, gradient, laplacian):
        columns = [function(x[:, c], J, phi, ETA) for c in range(3)]
        np.testing.assert_allclose(function(x, J, phi, ETA), np.stack(columns, axis=-1), rtol=1e-13)


@pytest.mark.parametrize("phi", PHI)
def test_energy_is_even_and_zero_at_the_origin(phi, x):
    np.testing.assert_allclose(energy(-x, J, phi, ETA), energy(x, J, phi, ETA), rtol=1e-14)
    assert not np.any(energy(np.zeros(N), J, phi, ETA))


def test_energy_is_half_the_squared_velocity_and_the_confinement(x):
    v = residual(x, J)
    np.testing.assert_allclose(v, x - J @ np.tanh(x), rtol=1e-14)
    np.testing.assert_allclose(energy(x, J, eta=ETA), 0.5 * (v**2).sum(0) + ETA * (x**2).sum(0), rtol=1e-14)


@pytest.mark.parametrize("phi", PHI)
def test_a_transfer_function_is_odd_with_unit_slope_at_the_origin(phi):
    f, x = PHI[phi], np.linspace(-3.0, 3.0, 7)
    np.testing.assert_array_equal(f.value(-x), -f.value(x))
    assert f.derivative(np.zeros(1)) == 1.0


def test_the_derivative_of_tanh_does_not_cancel():
    assert PHI["tanh"].derivative(np.array(30.0)) == pytest.approx(4.0 * np.exp(-60.0), rel=1e-12)


@pytest.mark.parametrize("function", [residual, energy, gradient, laplacian])
def test_an_unknown_transfer_function_is_named(function):
    with pytest.raises(UserError, match=r"phi: .*'tahn'; did you mean 'tanh'"):
        function(np.zeros(N), J, "tahn")


@pytest.mark.parametrize("gamma", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_couplings_have_the_variance_and_reciprocity_of_the_model(gamma):
    size = 400
    J0 = couplings(size, gamma, seed=3)
    above = np.triu_indices(size, 1)
    a, b = J0[above], J0.T[above]
    scatter = 4.0 / np.sqrt(len(a))
    assert size * np.var(np.concatenate([a, b])) == pytest.approx(1.0, abs=scatter)
    assert size * np.mean(a * b) == pytest.approx(gamma, abs=scatter)
    assert np.sqrt(size) * np.mean(a) == pytest.approx(0.0, abs=scatter)


def test_couplings_are_symmetric_at_1_and_antisymmetric_at_minus_1():
    np.testing.assert_array_equal(couplings(9, 1.0), couplings(9, 1.0).T)
    np.testing.assert_array_equal(couplings(9, -1.0), -couplings(9, -1.0).T)


def test_the_diagonal_is_zero_or_like_any_other_entry():
    assert not np.diag(couplings(400)).any()
    diagonal = np.diag(couplings(400, diagonal="iid"))
    assert 400 * np.var(diagonal) == pytest.approx(1.0, abs=4.0 * np.sqrt(2 / 400))


def test_the_diagonal_leaves_the_other_couplings_as_they_are():
    off = ~np.eye(9, dtype=bool)
    np.testing.assert_array_equal(couplings(9, 0.3)[off], couplings(9, 0.3, diagonal="iid")[off])


def test_the_same_arguments_give_the_same_couplings_for_ever():
    np.testing.assert_array_equal(couplings(20, 0.3, 4), couplings(20, 0.3, 4))
    pinned = {
        (3, 0.0, 0, "zero"): [
            [0.0, -0.8473803248867373, 0.47779966874637114],
            [0.6823977067007706, 0.0, 0.28913950961423485],
            [0.4432221936275864, -0.28649399974840356, 0.0],
        ],
        (3, 0.5, 7, "iid"): [
            [-0.158586577896432, 0.4720340903545077, -0.6066383095973066],
            [1.1203909952766677, 0.006866266477967984, -1.0344769294060259],
            [0.3535606334542514, -0.5621122888851617, 0.993848399837603],
        ],
    }
    for arguments, expected in pinned.items():
        np.testing.assert_allclose(couplings(*arguments), expected, rtol=0, atol=1e-15)


def test_other_seeds_and_sizes_give_other_couplings():
    assert not np.isin(couplings(8, seed=1)[0, 1:], couplings(8, seed=2)).any()
    assert not np.isin(couplings(8, seed=1)[0, 1:], couplings(9, seed=1) * np.sqrt(9 / 8)).any()


WRONG = [
    ({"N": 0}, "N: 0"),
    ({"N": 3, "gamma": 1.5}, "gamma: 1.5"),
    ({"N": 3, "gamma": float("nan")}, "gamma: nan"),
    ({"N": 3, "seed": -1}, "seed: -1"),
    ({"N": 3, "seed": 2**32}, "seed: 4294967296"),
    ({"N": 3, "diagonal": "zro"}, "diagonal: .*'zro'; did you mean 'zero'"),
]


@pytest.mark.parametrize(("arguments", "line"), WRONG, ids=[line for _, line in WRONG])
def test_an_argument_out_of_range_is_named(arguments, line):
    with pytest.raises(UserError, match=line):
        couplings(**arguments)
