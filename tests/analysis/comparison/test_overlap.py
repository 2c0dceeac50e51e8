"""Overlap verdict: a constant and its absence are told apart, with intervals that cover, and else undecided."""

import numpy as np
import pytest
import xarray as xr

from nsslib.analysis.comparison.overlap import VERDICTS, overlap_verdict, smallest_asymptotic
from tests.analysis.synthetic import coverage, tables

N = np.array([64, 128, 256, 512])
POINTS, SEEDS = 300, 24


def samples(rng, constant=0.0, N=N, noise=0.1, points=POINTS):
    """(table, per seed): `points` independent experiments along g, E|Q| = constant + N^-1/2, E Q^2 alike."""
    coords = {"gamma": [0.0], "N": N, "g": 0.5 + np.arange(points), "beta": [10.0], "seed": np.arange(SEEDS)}
    size = N[:, None, None, None]
    shape = (len(N), points, 1, SEEDS)
    Q_abs = (constant + size**-0.5) * (1.0 + noise * rng.standard_normal(shape))
    Q2 = (constant**2 + 1.0 / size) * (1.0 + noise * rng.standard_normal(shape))
    return tables(coords, Q_abs=Q_abs, Q2=Q2)


def theory(table, replicon=0.5, Q=0.0):
    shape = tuple(table.sizes[d] for d in ("gamma", "g", "beta"))
    data = {
        "replicon": (("gamma", "g", "beta"), np.full(shape, replicon)),
        "Q": (("gamma", "g", "beta"), np.full(shape, Q)),
    }
    return xr.Dataset(data, {d: table[d] for d in ("gamma", "g", "beta")})


def verdicts(table, seeds, **options):
    found = overlap_verdict(table, seeds, theory(table, **options))
    return found, {word: float((found["verdict"] == k).mean()) for k, word in enumerate(VERDICTS)}


@pytest.mark.parametrize("constant", [0.0, 0.2])
def test_intervals_of_the_constant_and_the_power_cover_the_truth_of_300_experiments(constant):
    found, _ = verdicts(*samples(np.random.default_rng(0), constant))
    truth = {"Q_abs_limit": constant, "Q2_limit": constant**2} | ({} if constant else {"Q_abs_power": 0.5})
    for name, true in truth.items():
        near, far = coverage(found, name, true)
        assert near == pytest.approx(0.683, abs=0.08)
        assert far == pytest.approx(0.95, abs=0.04)


def test_an_overlap_that_vanishes_is_hardly_ever_called_finite():
    _, share = verdicts(*samples(np.random.default_rng(1)))
    assert share["finite"] <= 0.01
    assert share["vanishes"] > 0.85


def test_a_finite_overlap_is_found_and_never_said_to_vanish():
    _, share = verdicts(*samples(np.random.default_rng(2), 0.2))
    assert share == {"finite": 1.0, "vanishes": 0.0, "undecided": 0.0}


def test_noise_that_hides_a_constant_leaves_it_undecided():
    _, share = verdicts(*samples(np.random.default_rng(3), 0.0, noise=2.0))
    assert share["undecided"] > 0.8


def test_sizes_before_the_power_law_do_not_make_an_overlap_finite():
    """E|Q| that falls as (1 + N (1 - lambda))^-1/2 looks like a constant while N (1 - lambda) is small."""
    rng, replicon = np.random.default_rng(4), 0.99
    coords = {"gamma": [0.0], "N": N, "g": 0.5 + np.arange(50), "beta": [10.0], "seed": np.arange(SEEDS)}
    width = 1.0 / (1.0 + N[:, None, None, None] * (1.0 - replicon))
    noise = 1.0 + 0.05 * rng.standard_normal((2, len(N), 50, 1, SEEDS))
    table, seeds = tables(coords, Q_abs=np.sqrt(width) * noise[0], Q2=width * noise[1])
    assert verdicts(table, seeds, replicon=0.0)[1]["finite"] > 0.9, "without the guard it would be"
    assert verdicts(table, seeds, replicon=replicon)[1]["finite"] == 0.0


def test_sizes_count_where_the_branch_without_overlap_is_stable():
    table, _ = samples(np.random.default_rng(5), points=1)
    assert smallest_asymptotic(theory(table, 0.9)).item() == pytest.approx(1000.0)
    assert smallest_asymptotic(theory(table, 1.1)).item() == 0.0
    assert smallest_asymptotic(theory(table, 0.9, Q=0.1)).item() == 0.0


@pytest.mark.parametrize("converged", [0, 2])
def test_fewer_than_three_converged_sizes_are_undecided(converged):
    table, seeds = samples(np.random.default_rng(6), 0.2, points=2)
    table["converged"][:, converged:] = 0
    found, share = verdicts(table, seeds)
    assert share["undecided"] == 1.0
    assert not found["Q_abs_limit_enough"].any() and np.isnan(found["Q_abs_limit"]).all()
    assert (found["sizes"] == 0).all()


def test_verdicts_are_named_in_the_attributes():
    found, _ = verdicts(*samples(np.random.default_rng(7), points=2))
    assert found["verdict"].attrs["flag_meanings"].split() == list(VERDICTS)
    assert found["verdict"].attrs["flag_values"] == [0, 1, 2]
    assert all(v.attrs["long_name"] and v.attrs["units"] == "1" for v in found.data_vars.values())
