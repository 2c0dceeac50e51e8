"""Extrapolation in N recovers known curves with intervals that cover, and says what it used."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binomtest, t

from nsslib.analysis.intervals import z_score
from nsslib.analysis.sizes.extrapolation import FITTED, covariance, covariance_dof, extrapolate, fit_sizes
from nsslib.analysis.sizes.scatter import pooled_variance
from tests.analysis.synthetic import coverage

N = np.array([32, 64, 128, 256, 512])
KNOWN = np.full(5, np.inf)
POINTS = 143
TIMES = POINTS * len(FITTED)


def synthetic(
    rng,
    sizes,
    seeds,
    points=POINTS,
    value=0.3,
    slope=2.0,
    omega=1.0,
    thermal=0.4,
    common=0.0,
    overlap=0.0,
    replicon=0.0,
):
    """Per-seed table and theory: disorder variance 4/N, thermal error `thermal` of it; points along g.

    `common` is the correlation between points of one realisation. Observables are independent experiments.
    """
    size = np.asarray(sizes)[:, None, None]
    shape = (len(sizes), points, seeds)
    dims = ("gamma", "N", "g", "beta", "seed")
    coords = {"gamma": [0.0], "N": list(sizes), "g": np.arange(points) + 1.0, "beta": [1.0], "seed": np.arange(seeds)}
    coords |= {"reference_g": ("gamma", [1.0]), "reference_beta": ("gamma", [1.0])}
    err = np.broadcast_to(thermal * np.sqrt(4.0 / size), shape)
    data = {}
    for name in FITTED:
        shared = np.sqrt(common) * rng.standard_normal((len(sizes), 1, seeds))
        disorder = np.sqrt(4.0 / size) * (shared + np.sqrt(1.0 - common) * rng.standard_normal(shape))
        x = value + slope * size**-omega + disorder + err * rng.standard_normal(shape)
        data |= {f"{name}{s}": (dims, v[None, :, :, None, :]) for s, v in (("", x), ("_err", err))}
    known = {name: (("gamma", "g", "beta"), np.full((1, points, 1), value)) for name in ("q", "l2", "energy", "R_int")}
    known |= {"Y": known["q"], "free_energy": known["q"], "Q": (known["q"][0], np.full((1, points, 1), overlap))}
    known["replicon"] = (known["q"][0], np.full((1, points, 1), replicon))
    return xr.Dataset(data, coords), xr.Dataset(known, {k: coords[k] for k in ("gamma", "g", "beta")})


def extrapolated(*args, **settings):
    seeds, theory = synthetic(*args, **settings)
    return extrapolate(seeds, theory, xr.ones_like(seeds["q"].isel(seed=0)))


@pytest.mark.parametrize("seeds", [8, 32])
@pytest.mark.parametrize("sizes", [3, 4, 5])
def test_intervals_cover_as_often_as_they_say(sizes, seeds):
    fits, _ = extrapolated(np.random.default_rng(sizes * seeds), N[:sizes], seeds)
    shares = np.mean([coverage(fits, name, 0.3) for name in FITTED], axis=0)
    for share, nominal in zip(shares, (0.6827, 0.95), strict=True):
        covered = round(share * TIMES)
        # Twelve such comparisons are within binomial error together, at 5 %.
        assert binomtest(covered, TIMES, nominal).pvalue > 0.05 / 12, f"{covered / TIMES:.3f} of {nominal}"


def test_thermal_errors_are_counted_once():
    fits, _ = extrapolated(np.random.default_rng(1), N[:3], 64, points=60, thermal=1.0)
    # Both variances are 4/N: the error of every mean is that of 8/N.
    u, weight = 1.0 / N[:3], 64.0 * N[:3] / 8.0
    design = np.stack([np.ones(3), u], axis=1)
    expected = np.sqrt(np.linalg.inv(design.T @ (weight[:, None] * design))[0, 0])
    kept = fits["q_N_min"].values == 32
    assert np.median(fits["q_err"].values[kept]) == pytest.approx(expected, rel=0.06)


def test_errors_are_those_of_resampling_the_samples():
    seeds, theory = synthetic(np.random.default_rng(2), N[:3], 10, points=2, common=0.6, thermal=0.0)
    fits, influences = extrapolate(seeds, theory, xr.ones_like(seeds["q"].isel(seed=0)))
    x = seeds["q"].values[0, :, :, 0, :]
    own = x.var(-1, ddof=1) / 10
    pooled = pooled_variance(N[:3], own.T, np.full((2, 3), 10))[0].T
    x = x.mean(-1, keepdims=True) + np.sqrt(pooled / own)[..., None] * (x - x.mean(-1, keepdims=True))
    picked = np.random.default_rng(3).multinomial(10, np.full(10, 0.1), size=(20_000, 3)) / 10
    means = np.einsum("bns,ncs->bcn", picked, x)
    weight = np.sqrt(1.0 / (x.var(-1, ddof=1) / 10))
    design = np.stack([np.ones(3), 1.0 / N[:3]], axis=1)
    values = np.stack(
        [means[:, c] @ (np.linalg.pinv(design * weight[:, c, None]) * weight[:, c])[0] for c in (0, 1)], axis=1
    )
    bootstrap = np.cov(values.T) * 10 / 9
    found = covariance(influences.sel(observable="q").isel(gamma=0, beta=0))
    assert (fits["q_N_min"] == 32).all()
    correlation = [C[0, 1] / np.sqrt(C[0, 0] * C[1, 1]) for C in (found, bootstrap)]
    assert correlation[0] == pytest.approx(correlation[1], abs=0.03)
    widening = np.diag(found) / np.diag(bootstrap)
    assert np.all((widening > 0.97) & (widening < 1.0 + 4.0 / 9.0)), "only widened for estimated weights"


def test_the_degrees_of_freedom_lie_between_those_of_one_size_and_of_all():
    _, influences = extrapolated(np.random.default_rng(5), N[:3], 8, points=4)
    assert 7.0 <= covariance_dof(influences.sel(observable="q").isel(gamma=0, beta=0)) <= 21.0


def test_one_sample_a_size_has_its_thermal_error_and_no_verdict():
    fits, influences = extrapolated(np.random.default_rng(6), N[:3], 1, points=3)
    assert np.isfinite(fits["q_err"]).all() and np.isinf(fits["q_t_dof"]).all()
    assert not fits["q_enough"].any()
    C = covariance(influences.sel(observable="q").isel(gamma=0, beta=0))
    np.testing.assert_allclose(np.sqrt(np.diag(C)), fits["q_err"].values.ravel())
    assert C[0, 1] == 0.0


def test_the_same_table_gives_the_same_numbers():
    first, second = (extrapolated(np.random.default_rng(7), N[:4], 6, points=5)[0] for _ in range(2))
    assert first.identical(second)


def test_z_has_the_probability_of_students_t():
    z = z_score(np.array([-2.0, 2.0]), np.ones(2), np.array([3.0, np.inf]))
    assert z[1] == pytest.approx(2.0)
    assert z[0] < 0.0 and 2 * t.sf(2.0, 3) == pytest.approx(2 * t.sf(-z[0], 1e9), rel=1e-6)


def test_the_smallest_size_is_dropped_where_it_does_not_fit():
    fit = fit_sizes(N[:3], 0.3 + 2.0 / N[:3] + np.array([0.5, 0, 0]), np.full(3, 1e-4), KNOWN[:3])
    assert (fit.N_min, fit.dof) == (64, 0)
    assert fit.value == pytest.approx(0.3, abs=1e-6)
    assert fit.coefficients[0] == 0.0


@pytest.mark.parametrize(("smallest", "N_min"), [(32, 32), (33, 64), (100, 128), (128, 128), (300, 128), (1e9, 128)])
def test_sizes_below_the_smallest_are_left_out_as_far_as_three_remain(smallest, N_min):
    y = 0.3 + 2.0 / N + np.where(smallest > N, 1e-5 * N, 0.0)
    fit = fit_sizes(N, y, np.full(5, 1e-2), KNOWN, smallest)
    assert fit.N_min == N_min
    assert (fit.value == pytest.approx(0.3)) == (N_min >= smallest)


@pytest.mark.parametrize(
    ("replicon", "overlap", "enough"), [(0.7, 0.0, 1), (0.8, 0.0, 0), (0.8, 0.1, 1), (1.1, 0.0, 1)]
)
def test_sizes_suffice_from_ten_over_the_squared_distance_to_instability(replicon, overlap, enough):
    rng = np.random.default_rng(13)
    fits, _ = extrapolated(rng, N, 32, points=2, omega=1.0, slope=0.0, replicon=replicon, overlap=overlap)
    assert (fits["q_enough"] == enough).all()


@pytest.mark.parametrize("omega", [0.7, 1.5])
def test_a_free_omega_is_taken_where_the_sizes_tell_it(omega):
    rng = np.random.default_rng(8)
    err = np.full(5, 1e-5)
    curves = 0.3 + 2.0 * N**-omega + err * rng.standard_normal((TIMES, 5))
    fits = [fit_sizes(N, y, err**2, KNOWN) for y in curves]
    assert np.mean([abs(fit.omega - omega) < 0.1 and fit.omega_p < 0.01 for fit in fits]) > 0.98
    covered = sum(abs(fit.value - 0.3) <= fit.std for fit in fits)
    assert binomtest(covered, TIMES, 0.6827).pvalue > 0.01


def test_omega_is_one_where_the_sizes_do_not_tell():
    rng = np.random.default_rng(9)
    found = [fit_sizes(N, 0.3 + 2.0 / N + 1e-3 * rng.standard_normal(5), np.full(5, 1e-6), KNOWN) for _ in range(TIMES)]
    free = sum(fit.omega != 1.0 for fit in found)
    assert binomtest(free, TIMES, 0.01).pvalue > 0.01
    assert all((fit.omega != 1.0) == (fit.omega_p < 0.01) for fit in found)


def test_p_values_are_even_with_variances_of_eight_samples():
    fits, _ = extrapolated(np.random.default_rng(10), N[:3], 8)
    bad = sum(int((fits[f"{name}_N_min"] > 32).sum()) for name in FITTED)
    assert binomtest(bad, TIMES, 0.01).pvalue > 0.01


def test_two_sizes_give_a_line_and_no_verdict():
    fit = fit_sizes(N[:2], np.array([0.5, 0.4]), np.full(2, 1e-4), KNOWN[:2])
    assert fit.value == pytest.approx(0.3)
    assert fit.dof == 0 and np.isnan(fit.p_value)
    assert not extrapolated(np.random.default_rng(11), N[:2], 8, points=2)[0]["q_enough"].any()


@pytest.mark.parametrize("y", [[0.5], [0.5, np.nan]])
def test_one_size_gives_nothing(y):
    assert fit_sizes(N[: len(y)], np.array(y), np.full(len(y), 1e-4), KNOWN[: len(y)]) is None


def test_every_number_says_what_it_is():
    fits, _ = extrapolated(np.random.default_rng(12), N[:3], 4, points=2)
    assert all(v.attrs["long_name"] and v.attrs["units"] == "1" for v in fits.data_vars.values())
