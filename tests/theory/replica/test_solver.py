"""The interface of the theory package: labels, errors, flags."""

from __future__ import annotations

import numpy as np
import pytest

from nsslib.errors import UserError
from nsslib.theory.replica import equations, linear_phase, replicon, solve, transition

FLOATS = [
    "q",
    "Q",
    "r",
    "R",
    "qh",
    "Qh",
    "Y",
    "Yh",
    "l2",
    "R_int",
    "energy",
    "free_energy",
    "replicon",
    "residual",
]


def test_scalars_give_scalars():
    s = solve(1.1, 100.0)
    assert s.sizes == {} and set(s.coords) == {"gamma", "g", "beta"}
    assert set(s.data_vars) == {*FLOATS, "converged", "branch"}
    assert s.converged.dtype == bool and s.branch.item() == "zero-overlap"


def test_arrays_give_dimensions():
    s = solve([0.5, 0.9, 1.0], [10.0, np.inf], gamma=[0.0, 0.2])
    assert s.q.dims == ("gamma", "g", "beta") and s.q.shape == (2, 3, 2)
    s = solve(0.5, [10.0], gamma=[0.0, 0.2])
    assert s.q.dims == ("gamma", "beta") and s.g.item() == 0.5
    alone = solve(0.5, 10.0, gamma=0.2)
    assert all(alone[name] == s[name].sel(gamma=0.2, beta=10.0) for name in FLOATS)


def test_every_point_is_announced():
    calls = []
    solve([0.5, 0.9], [10.0, np.inf], gamma=[0.0, 0.2], on_point=lambda done, total: calls.append((done, total)))
    assert calls == [(k, 8) for k in range(1, 9)]


def test_all_branches():
    s = solve([1.1, 1.2], 20.0, branch="all")
    assert s.q.dims == ("branch", "g")
    assert s.branch.values.tolist() == ["zero-overlap", "finite-overlap"]
    assert not s.converged.sel(branch="finite-overlap").any()
    for name in FLOATS:
        assert np.isnan(s[name].sel(branch="finite-overlap")).all()


def test_attributes():
    s = solve(1.1, 100.0, eta=0.1, phi="erf", tol=1e-9)
    assert s.attrs == {
        "phi": "erf",
        "eta": 0.1,
        "tol": 1e-9,
        "equations": "replica-symmetric, Qiu & Huang arXiv 2401.10009",
    }
    for name in s.data_vars:
        assert s[name].attrs["long_name"] and s[name].attrs["definition"] and s[name].attrs["units"] == "1"


@pytest.mark.parametrize("point", [(1.2, 1e3), (0.0, 10.0), (0.5, np.inf), (1.5, np.inf)])
def test_unreachable_tolerance_gives_no_number(point):
    s = solve(*point, tol=1e-300)
    assert not s.converged and s.branch.item() == ""
    assert all(np.isnan(s[name]) for name in FLOATS)


def test_no_solution_gives_no_number():
    """Linear phi beyond the transition: the activity diverges at every temperature."""
    s = solve([0.5, 1.2], [100.0, np.inf], phi="linear")
    assert s.converged.values.tolist() == [[True, True], [False, False]]
    assert np.isnan(s.q[1]).all()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"beta": 0.0}, "beta"),
        ({"beta": -1.0}, "beta"),
        ({"beta": [1.0, np.nan]}, "beta"),
        ({"beta": []}, "beta"),
        ({"beta": "cold"}, "beta"),
        ({"beta": [[1.0]]}, "beta"),
        ({"g": -0.1}, "g"),
        ({"g": np.nan}, "g"),
        ({"g": np.inf}, "g"),
        ({"gamma": 1.01}, "gamma"),
        ({"gamma": np.nan}, "gamma"),
        ({"eta": -1e-9}, "eta"),
        ({"eta": np.nan}, "eta"),
        ({"eta": [0.1]}, "eta"),
        ({"tol": 0.0}, "tol"),
        ({"tol": np.nan}, "tol"),
        ({"phi": "tahn"}, "phi"),
        ({"branch": "stabel"}, "branch"),
    ],
)
def test_bad_arguments(arguments, name):
    with pytest.raises(UserError) as error:
        solve(**{"g": 1.0, "beta": 10.0, **arguments})
    message = str(error.value)
    assert message.startswith(f"{name}:") and "\n" not in message and (";" in message)


def test_suggestions():
    with pytest.raises(UserError, match="tanh"):
        solve(1.0, 10.0, phi="tahn")
    with pytest.raises(UserError, match="stable"):
        solve(1.0, 10.0, branch="stabel")


def test_closed_forms():
    np.testing.assert_allclose(transition([0.0, 1.0, -0.5, -1.0]), [1.0, 0.5, 2.0, np.inf])
    for gamma in (0.0, 0.3, 1.0, -0.6):
        gc = float(transition(gamma))
        below, above = linear_phase([gc * (1 - 1e-12), gc * (1 + 1e-12)], gamma).R_int
        # The cusp of the response, of height 1 + gamma.
        np.testing.assert_allclose([below, above], 1 + gamma, rtol=1e-5)
    assert linear_phase(0.0, 0.5) == (1.0, 1.0, 0.0)
    assert np.isinf(linear_phase(1.0, 0.0).beta_q)
    with pytest.raises(UserError, match="gamma"):
        transition(2.0)
    with pytest.raises(UserError, match=r"^g:"):
        linear_phase(-1.0)


def test_replicon_broadcasts():
    q, r = np.array([0.1, 0.2, np.nan]), np.array([0.05, 0.06, 0.07])
    values = replicon(q, r, 0.0, 1.2, 100.0)
    np.testing.assert_allclose(values[:2], (1.2 * 10.0 * r[:2]) ** 2, rtol=1e-7)
    assert np.isnan(values[2])


def test_equations_refuse_impossible_fields():
    with pytest.raises(ArithmeticError):
        equations([0.3, 0.1, 0.05, 0.5, 0.0, 0.001], 1.2, 100.0, gamma=0.9)
    with pytest.raises(ArithmeticError):
        equations([0.3, 0.9, 0.05, 0.0, 0.0, 0.1], 1.2, 100.0)
