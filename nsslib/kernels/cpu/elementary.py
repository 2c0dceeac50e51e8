"""Elementary functions without branches, so that loops over them become vector instructions.

One name each for float64 and float32 arguments; errors are a few units in the last place.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numba.extending import overload

_SHIFT = 1.5 * 2.0**52
"""Added to a small number it leaves the nearest integer in the last bits: AVX2 converts no float64."""

_SHIFT_BITS = np.int64(np.float64(_SHIFT).view(np.int64))


@njit(inline="always")
def tanh64(x):
    """tanh x = -t / (2 + t) with t = expm1(-2 |x|); 3 ulp."""
    y = -2.0 * min(abs(x), 20.0)
    shifted = np.float64(y * 1.4426950408889634 + _SHIFT)
    k = shifted - _SHIFT
    r = (y - k * 0.6931471803691238) - k * 1.9082149292705877e-10
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r * r + r
    s = np.int64((shifted.view(np.int64) + 1023) << 52).view(np.float64)
    t = s * p + (s - 1.0)
    return math.copysign(-t / (2.0 + t), x)


@njit(inline="always")
def tanh32(x):
    """The same in float32; 3 ulp."""
    one, two = np.float32(1.0), np.float32(2.0)
    y = -two * min(abs(x), np.float32(10.0))
    k = np.floor(y * np.float32(1.4426950408889634) + np.float32(0.5))
    r = (y - k * np.float32(0.693359375)) + k * np.float32(2.12194440e-4)
    p = np.float32(1.0 / 5040.0)
    p = p * r + np.float32(1.0 / 720.0)
    p = p * r + np.float32(1.0 / 120.0)
    p = p * r + np.float32(1.0 / 24.0)
    p = p * r + np.float32(1.0 / 6.0)
    p = p * r + np.float32(0.5)
    p = p * r * r + r
    s = np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)
    t = s * p + (s - one)
    return np.float32(math.copysign(-t / (two + t), x))


@njit(inline="always")
def log64(u):
    """Natural logarithm of u in (0, 1); 2 ulp."""
    bits = np.float64(u).view(np.int64) - np.int64(0x3FE6A09E667F3BCD)
    k = bits >> 52
    m = np.int64((bits & np.int64(0xFFFFFFFFFFFFF)) + np.int64(0x3FE6A09E667F3BCD)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 23.0
    p = p * z + 1.0 / 21.0
    p = p * z + 1.0 / 19.0
    p = p * z + 1.0 / 17.0
    p = p * z + 1.0 / 15.0
    p = p * z + 1.0 / 13.0
    p = p * z + 1.0 / 11.0
    p = p * z + 1.0 / 9.0
    p = p * z + 1.0 / 7.0
    p = p * z + 1.0 / 5.0
    p = p * z + 1.0 / 3.0
    exponent = np.int64(k + _SHIFT_BITS).view(np.float64) - _SHIFT
    return exponent * 0.6931471805599453 + 2.0 * (s + s * z * p)


@njit(inline="always")
def log32(u):
    """The same in float32; 3 ulp."""
    bits = np.int32(np.float32(u).view(np.int32) - np.int32(0x3F3504F3))
    k = np.int32(bits >> np.int32(23))
    m = np.int32(np.int32(bits & np.int32(0x7FFFFF)) + np.int32(0x3F3504F3)).view(np.float32)
    s = (m - np.float32(1.0)) / (m + np.float32(1.0))
    z = s * s
    p = np.float32(1.0 / 9.0)
    p = p * z + np.float32(1.0 / 7.0)
    p = p * z + np.float32(1.0 / 5.0)
    p = p * z + np.float32(1.0 / 3.0)
    return np.float32(k) * np.float32(0.6931471805599453) + np.float32(2.0) * (s + s * z * p)


@njit(inline="always")
def sin_cos64(u):
    """Sine and cosine of 2 pi u, u in (0, 1); 2 ulp of 1."""
    shifted = np.float64(4.0 * u + _SHIFT)
    x = (u - 0.25 * (shifted - _SHIFT)) * 6.283185307179586
    z = x * x
    s = -7.647163731819816e-13
    s = s * z + 1.6059043836821613e-10
    s = s * z - 2.505210838544172e-08
    s = s * z + 2.7557319223985893e-06
    s = s * z - 1.984126984126984e-04
    s = s * z + 8.333333333333333e-03
    s = s * z - 1.6666666666666666e-01
    s = x + x * z * s
    c = 4.779477332387385e-14
    c = c * z - 1.1470745597729725e-11
    c = c * z + 2.08767569878681e-09
    c = c * z - 2.755731922398589e-07
    c = c * z + 2.48015873015873e-05
    c = c * z - 1.388888888888889e-03
    c = c * z + 4.1666666666666664e-02
    c = 1.0 - 0.5 * z + z * z * c
    return _turned(shifted.view(np.int64), s, c)


@njit(inline="always")
def sin_cos32(u):
    """The same in float32; 2 ulp of 1."""
    turn = np.floor(np.float32(4.0) * u + np.float32(0.5))
    x = (u - np.float32(0.25) * turn) * np.float32(6.283185307179586)
    z = x * x
    s = np.float32(2.7557319223985893e-06)
    s = s * z - np.float32(1.984126984126984e-04)
    s = s * z + np.float32(8.333333333333333e-03)
    s = s * z - np.float32(1.6666666666666666e-01)
    s = x + x * z * s
    c = np.float32(2.48015873015873e-05)
    c = c * z - np.float32(1.388888888888889e-03)
    c = c * z + np.float32(4.1666666666666664e-02)
    c = np.float32(1.0) - np.float32(0.5) * z + z * z * c
    return _turned(np.int32(turn), s, c)


@njit(inline="always")
def _turned(quarters, s, c):
    """Sine and cosine after some quarter turns."""
    quarter = quarters & 3
    swap = (quarter & 1) == 1
    a, b = (c if swap else s), (s if swap else c)
    return (-a if quarter >= 2 else a), (-b if (quarter == 1) | (quarter == 2) else b)


def tanh(x):
    """tanh in the precision of its argument (compiled code only)."""
    raise NotImplementedError


@overload(tanh, inline="always")
def _tanh(x):
    return (lambda x: tanh32(x)) if x == types.float32 else (lambda x: tanh64(x))


@njit(cache=True, error_model="numpy")
def libm_exp(values):
    """exp of every element by the C library; numpy's SIMD exp differs between processors in the last bit."""
    out = np.empty_like(values)
    for i in range(values.size):
        out.flat[i] = math.exp(values.flat[i])
    return out


@njit(cache=True, error_model="numpy")
def libm_log(values):
    """log of every element by the C library, as `libm_exp`; -inf at 0 and nan where there is none."""
    out = np.empty_like(values)
    for i in range(values.size):
        v = values.flat[i]
        out.flat[i] = math.log(v) if v > 0.0 else -np.inf if v == 0.0 else np.nan
    return out
