"""Random numbers are functions of what names them, and distributed as they should be."""

from itertools import combinations

import numpy as np
import pytest
from numba import njit
from scipy import stats

from nsslib.kernels.cpu import random
from nsslib.kernels.cpu.products import LANES

KEY = random.key_of("a stream")
ONES = 0xFFFFFFFF


def names(panels):
    """Chains named 0, 1, 2, ..., (panel, 2, lane)."""
    made = np.zeros((panels, 2, LANES), np.uint32)
    made[:, 0] = np.arange(panels * LANES).reshape(panels, LANES)
    return made


def normals(chains=50, units=400, key=KEY, purpose=random.MOMENTA, step=0, dtype=float):
    """Normals by (chain, unit)."""
    P = np.zeros((-(-chains // LANES), units, LANES), dtype)
    random.normals(P, units, key, purpose, step, names(len(P)))
    return P.swapaxes(1, 2).reshape(-1, units)[:chains].astype(float)


BOTH = pytest.mark.parametrize("dtype", [np.float64, np.float32])


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (ONES, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ],
)
def test_philox_gives_its_published_answers(word, expected):
    assert random.philox(*[np.uint32(word)] * 6) == expected


@BOTH
def test_normals_are_normal(dtype):
    z = normals(dtype=dtype).ravel()
    assert stats.kstest(z, "norm").pvalue > 0.01
    assert abs(stats.ttest_1samp(z, 0.0).statistic) < 3
    for power, moment in ((2, 1.0), (3, 0.0), (4, 3.0)):
        sample = z**power
        assert sample.mean() == pytest.approx(moment, abs=4 * sample.std() / np.sqrt(z.size))


@BOTH
def test_normals_of_one_call_of_philox_are_independent(dtype):
    parts = np.split(normals(dtype=dtype), 4, axis=1)
    for a, b in combinations(parts, 2):
        assert abs(stats.pearsonr(a.ravel(), b.ravel()).statistic) < 4 / np.sqrt(a.size)
        assert abs(stats.pearsonr(a.ravel() ** 2, b.ravel() ** 2).statistic) < 4 / np.sqrt(a.size)


@BOTH
def test_normals_do_not_depend_on_how_many_chains_there_are(dtype):
    np.testing.assert_array_equal(normals(chains=3, dtype=dtype), normals(chains=200, dtype=dtype)[:3])


@BOTH
@pytest.mark.parametrize("units", [1, 2, 3, 5, 7, 8])
def test_any_number_of_units_is_filled(units, dtype):
    z = normals(chains=4, units=units, dtype=dtype)
    assert np.isfinite(z).all()
    assert (z != 0).all()


def test_units_beyond_the_last_are_left_alone():
    P = np.zeros((1, 10, LANES))
    random.normals(P, 7, KEY, random.MOMENTA, 0, names(1))
    assert (P[:, :7] != 0).all()
    assert not P[:, 7:].any()


@njit
def refreshed(P, keep, units, chain):
    random.refresh(P, units, keep, KEY, random.MOMENTA, 0, chain)


@BOTH
def test_a_partial_refreshment_keeps_its_share_and_the_variance(dtype):
    keep = np.full((1, LANES), 0.6)
    P, z = np.ones((1, 8, LANES), dtype), np.zeros((1, 8, LANES), dtype)
    refreshed(P, keep, 8, names(1))
    random.normals(z, 8, KEY, random.MOMENTA, 0, names(1))
    np.testing.assert_allclose(P, 0.6 + 0.8 * z, atol=1e-6)


@pytest.mark.parametrize(
    "other",
    [{"purpose": random.START}, {"step": 1}, {"step": 2**32 - 1}, {"key": random.key_of("another stream")}],
    ids=str,
)
def test_another_purpose_step_or_key_gives_other_numbers(other):
    assert not np.isin(normals(chains=2), normals(chains=2, **other)).any()


def test_chains_have_numbers_of_their_own():
    z = normals(chains=20, units=20)
    assert len(np.unique(z)) == z.size


def test_the_numbers_are_the_same_for_ever():
    pinned = [0.32590861192328746, -0.8893782994851065, 1.8432842889516305, -0.73273518937566]
    np.testing.assert_allclose(normals(1, 4)[0], pinned, rtol=1e-14)
    assert random.uniform(KEY, random.SWAP, 5, 3, 0) == pytest.approx(0.6830523586901674, rel=1e-14)


def test_uniforms_are_uniform():
    u = np.empty(20_000)
    u[:] = [random.uniform(KEY, random.ACCEPT, 4, chain, 0) for chain in range(len(u))]
    assert u.min() > 0.0 and u.max() < 1.0
    assert stats.kstest(u, "uniform").pvalue > 0.01


def test_keys_leave_room_for_the_purpose():
    assert all((random.key_of(f"{seed} 64") < 2**28).all() for seed in range(50))


def test_different_streams_have_different_keys():
    streams = [f"{seed} {N} {g}" for seed in range(8) for N in (8, 9) for g in (0, 10**12)]
    assert len({tuple(random.key_of(stream)) for stream in streams}) == len(streams)
