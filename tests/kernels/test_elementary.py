"""Elementary functions are good to a few units in the last place, in both precisions."""

import numpy as np
import pytest
from numba import njit

from nsslib.kernels.cpu import elementary


@njit
def tanh_of(x, out):
    for i in range(len(x)):
        out[i] = elementary.tanh(x[i])


def ulps(found, exact):
    return np.max(np.abs(found - exact) / np.spacing(np.abs(exact).astype(found.dtype)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_tanh_is_good_to_4_ulp_and_odd(dtype):
    x = np.geomspace(1e-8, 50.0, 20_001).astype(dtype)
    found, mirrored = np.empty_like(x), np.empty_like(x)
    tanh_of(x, found)
    tanh_of(-x, mirrored)
    assert ulps(found, np.tanh(x.astype(np.longdouble))) < 4
    np.testing.assert_array_equal(mirrored, -found)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_tanh_is_exact_at_its_ends(dtype):
    x = np.array([0.0, np.inf, -np.inf, 400.0], dtype)
    found = np.empty_like(x)
    tanh_of(x, found)
    np.testing.assert_array_equal(found, [0.0, 1.0, -1.0, 1.0])


@pytest.mark.parametrize(
    ("log", "dtype", "smallest"), [(elementary.log64, float, 53), (elementary.log32, np.float32, 24)]
)
def test_logarithm_is_good_to_4_ulp(log, dtype, smallest):
    u = np.concatenate([np.geomspace(2.0**-smallest, 0.5, 2000), 1.0 - np.geomspace(2.0**-smallest, 0.5, 2000)])
    u = u.astype(dtype)
    u = u[u < 1]
    assert ulps(np.array([log(v) for v in u], dtype), np.log(u.astype(np.longdouble))) < 4


@pytest.mark.parametrize(("function", "dtype"), [(elementary.sin_cos64, float), (elementary.sin_cos32, np.float32)])
def test_sine_and_cosine_are_good_to_4_ulp_of_one(function, dtype):
    u = np.concatenate([np.linspace(0.0, 1.0, 4001)[1:-1], np.geomspace(2.0**-24, 0.1, 500)]).astype(dtype)
    angle = 2 * np.arctan2(np.longdouble(0), np.longdouble(-1)) * u.astype(np.longdouble)
    found = np.array([function(v) for v in u])
    assert np.max(np.abs(found - np.stack([np.sin(angle), np.cos(angle)], axis=1))) < 4 * np.finfo(dtype).eps
