"""Random numbers are functions of what names them, and distributed as they should be."""

import numpy as np
import pytest
from scipy import stats

from nsslib.sampling import rng

KEY = rng.key_of(1, 2, 3)
ONES = 0xFFFFFFFF


def normals(chains=50, units=400, key=KEY, purpose=rng.MOMENTA, step=0):
    out = np.empty((chains, units))
    rng.normals(out, key, purpose, step)
    return out


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (ONES, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ],
)
def test_philox_gives_its_published_answers(word, expected):
    assert rng.philox(*[np.uint32(word)] * 6) == expected


def test_normals_are_normal():
    z = normals().ravel()
    assert stats.kstest(z, "norm").pvalue > 0.01
    assert abs(stats.ttest_1samp(z, 0.0).statistic) < 3
    for power, moment in ((2, 1.0), (3, 0.0), (4, 3.0)):
        sample = z**power
        assert sample.mean() == pytest.approx(moment, abs=4 * sample.std() / np.sqrt(z.size))


def test_the_two_halves_of_box_muller_are_independent():
    a, b = np.split(normals(), 2, axis=1)
    assert abs(stats.pearsonr(a.ravel(), b.ravel()).statistic) < 4 / np.sqrt(a.size)
    assert abs(stats.pearsonr(a.ravel() ** 2, b.ravel() ** 2).statistic) < 4 / np.sqrt(a.size)


def test_normals_do_not_depend_on_how_many_chains_there_are():
    np.testing.assert_array_equal(normals(chains=3), normals(chains=7)[:3])


@pytest.mark.parametrize("units", [1, 2, 7])
def test_any_number_of_units_is_filled(units):
    assert np.isfinite(normals(chains=4, units=units)).all()


@pytest.mark.parametrize(
    "other", [{"purpose": rng.START}, {"step": 1}, {"step": 2**32}, {"key": rng.key_of(1, 2, 4)}], ids=str
)
def test_another_purpose_step_or_key_gives_other_numbers(other):
    assert not np.isin(normals(chains=2), normals(chains=2, **other)).any()


def test_chains_have_numbers_of_their_own():
    z = normals(chains=20, units=20)
    assert len(np.unique(z)) == z.size


def test_float32_gets_the_same_numbers_rounded():
    out = np.empty((3, 10), np.float32)
    rng.normals(out, KEY, rng.MOMENTA, 0)
    np.testing.assert_array_equal(out, normals(3, 10).astype(np.float32))


def test_the_numbers_are_the_same_for_ever():
    pinned = [-1.4581090242165093, -1.1118028155351949, 2.010161247056126, -0.2304281178866532]
    np.testing.assert_allclose(normals(1, 4)[0], pinned, rtol=1e-14)
    assert rng.uniform(KEY, rng.SWAP, 5, 3) == pytest.approx(0.16163927741581313, rel=1e-14)


def test_uniforms_are_uniform_and_the_same_one_by_one():
    u = np.empty(20_000)
    rng.uniforms(u, KEY, rng.ACCEPT, 4)
    assert u.min() > 0.0 and u.max() < 1.0
    assert stats.kstest(u, "uniform").pvalue > 0.01
    assert u[7] == rng.uniform(KEY, rng.ACCEPT, 4, 7)


def test_keys_leave_room_for_the_purpose():
    assert all((rng.key_of(seed, 64, 10**12) < 2**28).all() for seed in range(50))


def test_different_words_give_different_keys():
    words = [(s, N, g) for s in range(8) for N in (8, 9) for g in (0, 10**12)]
    assert len({tuple(rng.key_of(*w)) for w in words}) == len(words)


def test_logarithm_is_good_to_4_ulp():
    u = np.concatenate([np.geomspace(2.0**-54, 0.5, 2000), 1.0 - np.geomspace(2.0**-53, 0.5, 2000)])
    exact = np.log(u.astype(np.longdouble))
    found = np.array([rng._log(v) for v in u])
    assert np.max(np.abs(found - exact) / np.spacing(np.abs(exact).astype(float))) < 4


def test_sine_and_cosine_are_good_to_4_ulp_of_one():
    u = np.concatenate([np.linspace(0.0, 1.0, 4001)[1:-1], np.geomspace(2.0**-54, 0.1, 500)])
    angle = 2 * np.arctan2(np.longdouble(0), np.longdouble(-1)) * u.astype(np.longdouble)
    found = np.array([rng._sin_cos(v) for v in u])
    exact = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    assert np.max(np.abs(found - exact)) < 4 * np.finfo(float).eps
