"""Lines over sizes, and the scatter between samples as a power of N."""

import numpy as np
import pytest

from nsslib.analysis.sizes.scatter import pooled_variance, weighted_line

N = np.array([32, 64, 128, 256, 512])


def test_a_weighted_line_is_that_of_polyfit_and_leaves_out_weight_0():
    rng = np.random.default_rng(4)
    x, y, w = rng.random(6), rng.random((3, 6)), rng.random(6)
    w[2], y[:, 2] = 0.0, np.nan
    a, b = weighted_line(x, y, w)
    used = w > 0
    for k in range(3):
        np.testing.assert_allclose((b[k], a[k]), np.polyfit(x[used], y[k, used], 1, w=np.sqrt(w[used])))
    assert np.isnan(weighted_line(x, y, np.where(np.arange(6) == 1, 1.0, 0.0))[1]).all()


def variances(rng, draws, n, law):
    """Of means over n samples whose own variance is 4/N^2."""
    scale = 2.0 / N[:, None]
    values = scale * law(rng, (draws, len(N), n))
    return values.var(axis=-1, ddof=1) / n


LAWS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "heavy tails": lambda rng, shape: rng.standard_t(6, shape) / np.sqrt(1.5),
    "skew": lambda rng, shape: rng.exponential(size=shape),
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_the_pooled_variance_knows_more_than_a_single_size_and_is_right_within_a_tenth(law):
    n = np.full(5, 12)
    own = variances(np.random.default_rng(0), 4000, 12, law)
    pooled, dof = pooled_variance(N, own, np.broadcast_to(n, own.shape))
    true = 4.0 / N**2 / 12
    # Amplitude and power are fitted: their errors make a bias of second order, the larger the heavier the tails.
    np.testing.assert_allclose(pooled.mean(axis=0) / true, 1.0, atol=0.1)
    ratio = np.std(pooled, axis=0) / np.std(own, axis=0)
    assert (ratio < 0.95).all() and ratio[2] < 0.6
    assert (dof == 5 * 11 - 2).all()


def test_a_size_without_rare_samples_does_not_get_a_small_error():
    own = 4.0 / N**2 / 24
    own[1] /= 25.0
    pooled, _ = pooled_variance(N, own, np.full(5, 24))
    assert 0.5 < np.sqrt(pooled[1] / (own[1] * 25.0)) < 1.1


def test_sizes_without_a_scatter_and_pairs_of_sizes_stay_as_they_are():
    own = np.array([4.0, 1.0, np.nan, 0.0, 0.1])
    n = np.array([8, 8, 0, 1, 8])
    pooled, dof = pooled_variance(N, own, n)
    np.testing.assert_array_equal(pooled[2:4], own[2:4])
    np.testing.assert_array_equal(dof, [19, 19, 0, 0, 19])
    two = np.where(n == 8, own, np.nan) * np.array([1, 1, 1, 1, np.nan])
    np.testing.assert_array_equal(pooled_variance(N, two, n)[0], two)


def test_a_first_guess_far_off_is_corrected():
    own = np.array([1e-12, 1.0, 0.25, 0.0625, 0.015625])
    pooled, _ = pooled_variance(N, own, np.full(5, 24))
    # The mean equation of gamma regression: relative residuals cancel.
    assert np.sum(own / pooled - 1.0) == pytest.approx(0.0, abs=1e-6)
