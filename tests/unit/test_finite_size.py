"""Extrapolation in 1/N recovers known lines, drops sizes that do not fit, and says what it used."""

import numpy as np
import pytest

from nsslib.analysis.finite_size import line_in_inverse_N

N = np.array([32, 64, 128, 256])


def test_a_known_line_is_recovered_with_honest_errors():
    rng = np.random.default_rng(0)
    err = np.array([0.02, 0.01, 0.01, 0.005])
    z = []
    for _ in range(300):
        fit = line_in_inverse_N(N, 0.3 + 2.0 / N + err * rng.standard_normal(4), err)
        if fit["N_min"] == 32:
            z.append((fit["value"] - 0.3) / fit["err"])
    assert len(z) > 270
    assert np.mean(np.abs(z) < 1) == pytest.approx(0.68, abs=0.08)


def test_the_smallest_size_is_dropped_where_it_does_not_fit():
    fit = line_in_inverse_N(N, 0.3 + 2.0 / N + np.array([0.5, 0, 0, 0]), np.full(4, 0.01))
    assert fit["N_min"] == 64
    assert fit["value"] == pytest.approx(0.3, abs=1e-6)
    assert fit["dof"] == 1


def test_two_sizes_give_a_line_and_no_verdict():
    fit = line_in_inverse_N(N[:2], np.array([0.5, 0.4]), np.full(2, 0.01))
    assert fit["value"] == pytest.approx(0.3)
    assert fit["dof"] == 0
    assert np.isnan(fit["p_value"])


@pytest.mark.parametrize("y", [[0.5], [0.5, np.nan]])
def test_one_size_gives_nothing(y):
    assert np.isnan(line_in_inverse_N(N[: len(y)], np.array(y), np.full(len(y), 0.01))["value"])
