"""The interface of branches, trace, crossing and one's own transfer functions: labels, errors, flags."""

from __future__ import annotations

import numpy as np
import pytest

from nsslib.errors import UserError
from nsslib.model.transfer import PHI, Phi
from nsslib.theory.replica import branches, crossing, equations, free_energy, solve, trace
from nsslib.theory.replica.averages import average, reach
from nsslib.theory.replica.single_site import even_moments, moments

EVEN = Phi("cosine", np.cos, lambda x: -np.sin(x), lambda x: 1 / np.tan(x))
BROKEN = Phi("hole", lambda x: np.where(np.abs(x) < 1, np.nan, x), np.ones_like, np.zeros_like)


@pytest.mark.parametrize("phi", [EVEN, BROKEN], ids=lambda phi: phi.name)
def test_transfer_functions_that_are_not_odd_are_refused(phi):
    for call in (
        lambda: solve(1.0, 10.0, phi=phi),
        lambda: branches(1.0, 10.0, phi=phi),
        lambda: trace(1.0, 10.0, phi=phi, to=1.1),
        lambda: equations([0.3, 0.0, 0.05, 0.0, 0.0, 0.0], 1.0, 10.0, phi=phi),
        lambda: free_energy([0.3, 0.0, 0.05, 0.0, 0.0, 0.0], 1.0, 10.0, phi=phi),
    ):
        with pytest.raises(UserError, match=f"phi: '{phi.name}' is not odd"):
            call()


def test_a_phi_is_as_good_as_its_name():
    named, given = solve(1.1, [1e-2, 50.0, np.inf], 0.3), solve(1.1, [1e-2, 50.0, np.inf], 0.3, phi=PHI["tanh"])
    assert named.identical(given)


def test_a_point_does_not_depend_on_the_grid_around_it():
    wide = solve(np.linspace(0.4, 2.0, 41), [1.0, 1e4], [-0.4, 0.3], branch="zero-overlap")
    for k in (0, 13, 40):
        assert solve(float(wide.g[k]), 1e4, -0.4, branch="zero-overlap").q == wide.q[0, k, 1]


def test_branches_lists_every_solution():
    solutions = branches(1.3, 1e4, -0.3)
    assert solutions.sizes == {"solution": 3} and solutions.branch.values.tolist() == ["zero-overlap"] * 3
    assert solutions.preferred.values.tolist() == [True, False, False]
    assert {float(solutions[name]) for name in ("g", "beta", "gamma", "eta")} == {1.3, 1e4, -0.3, 0.0}
    for name in solutions.data_vars:
        assert solutions[name].attrs["long_name"] and solutions[name].attrs["units"] == "1"
    assert branches(1.2, 10.0, phi="linear").sizes == {"solution": 0}


def test_trace_carries_its_parameter():
    path = trace(0.7, 50.0, 0.2, 0.01, "erf", parameter="beta", to=200.0)
    assert path.q.dims == ("step",) and path.beta.dims == ("step",) and path.g.ndim == 0
    assert path.beta[0] == 50.0 and (np.diff(path.beta) > 0).all() and path.beta[-1] <= 200.0
    assert not path.fold.any() and path.attrs == {"phi": "erf"}
    np.testing.assert_allclose(path.energy, solve(0.7, path.beta.values, 0.2, 0.01, "erf").energy, rtol=1e-9)
    assert trace(0.7, 50.0, to=0.8, most=3).sizes["step"] <= 4


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"parameter": "gama"}, "parameter"),
        ({"branch": "zero"}, "branch"),
        ({"beta": np.inf}, "beta"),
        ({"beta": -1.0}, "beta"),
        ({"g": [1.0, 2.0]}, "g"),
        ({"parameter": "gamma", "to": 1.2}, "gamma"),
        ({"branch": "finite-overlap"}, "which"),
        ({"which": 1}, "which"),
    ],
)
def test_bad_traces(arguments, name):
    with pytest.raises(UserError) as error:
        trace(**{"g": 0.7, "beta": 50.0, "to": 1.0, **arguments})
    assert str(error.value).startswith(f"{name}:") and ";" in str(error.value)


def test_no_crossing():
    with pytest.raises(UserError, match="low"):
        crossing(0.3, 0.5, 1e4, -0.3)
    with pytest.raises(UserError, match="low"):
        crossing(0.8, 1.2, 1e4, 0.5)
    with pytest.raises(UserError, match=r"^low: there is no solution"):
        crossing(1.5, 2.0, 10.0, 0.0, phi="linear")


def test_one_density_by_both_quadratures():
    natural = np.array([[-3.0, 2.0, -1.5], [4.0, -1.0, -0.2], [0.0, 0.0, -500.0], [1.0, 0.0, 0.1], [np.nan, 0.0, -1.0]])
    even = even_moments(natural, PHI["tanh"])
    for row in range(3):
        full = moments(np.array([[0.0, 0.0, *natural[row]]]), PHI["tanh"])
        np.testing.assert_allclose(even.log_norm[row], full.log_norm[0], rtol=1e-12)
        np.testing.assert_allclose(even.mean[row], full.mean[0, 2:], rtol=1e-12)
        np.testing.assert_allclose(even.cov[row], full.cov[0, 2:, 2:], rtol=1e-9, atol=1e-15)
    assert np.isnan(even.mean[3:]).all() and np.isnan(even.log_norm[3:]).all()


def test_kernels_as_plain_python():
    """The compiled loops and the Python they come from give the same numbers."""
    natural = np.array([[-3.0, 2.0, -1.5]])
    x = np.linspace(0.0, 6.0, 30)[None]
    arguments = (natural, x, np.tanh(x), 30.0)
    assert reach(*arguments) == reach.py_func(*arguments)
    outputs = [(np.zeros(1), np.zeros((1, 3)), np.zeros((1, 3, 3))) for _ in range(2)]
    for function, out in zip((average, average.py_func), outputs, strict=True):
        function(natural, np.array([0.2]), np.tanh(0.2 * np.arange(31.0))[None], np.array([0]), *out)
    for compiled, plain in zip(*outputs, strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-13)
