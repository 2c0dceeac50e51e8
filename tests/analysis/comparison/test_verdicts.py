"""Verdicts: agree, disagree or not converged, from the groups of the fits."""

import numpy as np
import pytest
import xarray as xr

from nsslib.analysis.comparison.verdicts import AGREE, DISAGREE, OPEN, verdicts
from nsslib.analysis.intervals import POINT

G, BETA = np.arange(0.8, 1.25, 0.1), np.array([3.0, 30.0])


def of_points(values):
    return POINT, np.broadcast_to(np.asarray(values, dtype=float), (1, len(G), len(BETA))).copy()


@pytest.fixture
def groups():
    """Groups of fits that agree with theory everywhere, at gamma = 0."""
    coords = {"gamma": [0.0], "g": G, "beta": BETA}
    columns = {"points": 10.0, "p_value": 0.4, "chi2": 3.0, "dof": 4.0, "within_2": 1.0}
    columns |= {"largest_z": 1.5, "largest_z_g": 1.0, "largest_z_beta": 3.0}
    observables = {"gamma": [0.0], "observable": ["q", "R_int"]}
    critical = {"kink_beta": 30.0, "kink_theory": 1.02, "g_c_theory": 1.0, "nu_theory": 2.0, "collapse_quality": 1.0}
    critical |= {"kink_limit": 1.01, "collapse_g_c": 1.01}
    one = xr.Dataset({k: ("gamma", [v]) for k, v in critical.items()}, {"gamma": [0.0], "g": G})
    one["kink_limit_interval"] = ("gamma", "bound"), [[0.98, 1.04]]
    one["collapse_g_c_interval"] = ("gamma", "bound"), [[0.97, 1.05]]
    one["exponent_excess_z"] = ("gamma", "g"), np.full((1, len(G)), 0.5)
    effective = xr.Dataset({"converged": of_points(1), "g_fit_z": of_points(0.5)}, coords)
    effective["g_fit"] = effective["g"] * xr.ones_like(effective["converged"]) * 1.001
    return {
        "agreement": xr.Dataset({k: (("gamma", "observable"), [[v, v]]) for k, v in columns.items()}, observables),
        "effective": effective.assign(points=("gamma", [10.0]), within_2=("gamma", [1.0])),
        "critical": one,
        "overlap": xr.Dataset({"verdict": of_points(1), "Q_theory": of_points(0)}, coords),
        "response": xr.Dataset(
            {
                "residual_z": (("gamma", "N", "g", "beta"), np.ones((1, 2, len(G), len(BETA)))),
                "p_value_all": ("gamma", [0.54]),
            },
            coords | {"N": [32, 64]},
        ),
    }


def answers(groups, converged=1.0):
    shape = (1, 2, len(G), len(BETA))
    table = xr.Dataset(
        {"converged": (("gamma", "N", "g", "beta"), np.full(shape, converged))},
        {"gamma": [0.0], "N": [32, 64], "g": G, "beta": BETA},
    )
    return verdicts(groups, table)


KINDS = ("coupling", "q ", "R_int", "exponents", "bends", "collapse", "overlap", "fluctuation")


def test_every_question_is_asked_once_and_has_its_evidence(groups):
    found = answers(groups)
    assert [row.answer for row in found] == [AGREE] * len(KINDS)
    assert all(row.gamma == 0.0 and row.evidence for row in found)
    assert len({row.question for row in found}) == len(found)


def one(groups, word, **options):
    (row,) = (row for row in answers(groups, **options) if word in row.question)
    return row


def test_nine_tenths_of_the_couplings_within_two_sigma_agree(groups):
    groups["effective"]["within_2"][:] = 0.9
    assert one(groups, "coupling").answer == AGREE
    assert "90% of 10 points within 2 sigma; median deviation +0.10%" in one(groups, "coupling").evidence
    groups["effective"]["within_2"][:] = 0.89
    assert one(groups, "coupling").answer == DISAGREE


def test_a_table_of_an_order_parameter_agrees_above_one_percent(groups):
    groups["agreement"]["p_value"][:] = [[0.009, 0.011]]
    assert one(groups, "(q)").answer == DISAGREE
    assert one(groups, "(R_int)").answer == AGREE


def test_an_edge_agrees_if_its_interval_holds_that_of_theory(groups):
    groups["critical"]["kink_limit_interval"][:, 0] = 1.021
    assert one(groups, "bends").answer == DISAGREE
    groups["critical"]["collapse_g_c_interval"][:, 1] = 0.999
    assert one(groups, "collapse").answer == DISAGREE
    groups["critical"]["collapse_quality"][:] = 5.0
    assert one(groups, "collapse").answer == OPEN
    groups["critical"]["nu_theory"][:] = np.nan
    assert not [row for row in answers(groups) if "collapse" in row.question], "a first-order jump"


@pytest.mark.parametrize(
    ("decided", "theory", "answer"), [(1, 0.0, AGREE), (2, 0.0, DISAGREE), (1, 0.1, DISAGREE), (2, 0.1, AGREE)]
)
def test_the_overlap_is_compared_with_that_of_theory(groups, decided, theory, answer):
    groups["overlap"]["verdict"][:], groups["overlap"]["Q_theory"][:] = decided, theory
    assert one(groups, "overlap").answer == answer


def test_the_residuals_of_the_fluctuation_response_are_judged_together(groups):
    assert one(groups, "fluctuation").evidence.startswith("all together p = 0.54; 100% of 20 points")
    groups["response"]["p_value_all"][:] = 0.009
    assert one(groups, "fluctuation").answer == DISAGREE


def test_what_does_not_suffice_stays_open(groups):
    groups["effective"]["points"][:], groups["effective"]["within_2"][:] = 0, np.nan
    groups["agreement"]["points"][:] = 0
    groups["critical"][["exponent_excess_z", "kink_limit", "collapse_g_c"]] *= np.nan
    groups["overlap"]["verdict"][:] = 0
    assert {row.answer for row in answers(groups, converged=0.0)} == {OPEN}
