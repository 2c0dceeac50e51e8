"""Counter-based random numbers: Philox 4x32-10 (Salmon et al., SC 2011) and Box-Muller.

A number is a function of (seed, purpose, step, chain, unit) and of nothing else: no state to
save, and the same bits whatever runs before, beside or after.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

MOMENTA, ACCEPT, SWAP, START, LENGTH = range(5)
"""Purposes: numbers of one purpose never meet those of another."""

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_SHIFT = np.uint64(32)
_TWO_53 = 2.0**-53


@njit(inline="always")
def philox(c0, c1, c2, c3, k0, k1):
    """Ten rounds of Philox 4x32 on counter c and key k, all uint32."""
    for _ in range(10):
        p0, p1 = _M0 * np.uint64(c0), _M1 * np.uint64(c2)
        c0, c1, c2, c3 = (
            np.uint32(p1 >> _SHIFT) ^ c1 ^ k0,
            np.uint32(p1),
            np.uint32(p0 >> _SHIFT) ^ c3 ^ k1,
            np.uint32(p0),
        )
        k0, k1 = np.uint32(k0 + _W0), np.uint32(k1 + _W1)
    return c0, c1, c2, c3


@njit(inline="always")
def _unit(a, b):
    """Uniform in (0, 1) from 53 of the 64 bits."""
    bits = (np.uint64(a) << np.uint64(21)) ^ (np.uint64(b) >> np.uint64(11))
    return (np.float64(np.int64(bits)) + 0.5) * _TWO_53


@njit(inline="always")
def _log(u):
    """Natural logarithm of u in (0, 1), branch-free so that it vectorises; 2 ulp."""
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
    return np.float64(k) * 0.6931471805599453 + 2.0 * (s + s * z * p)


@njit(inline="always")
def _sin_cos(u):
    """Sine and cosine of 2 pi u, u in (0, 1), branch-free; 2 ulp of 1."""
    turn = np.floor(4.0 * u + 0.5)
    x = (u - 0.25 * turn) * 6.283185307179586
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
    quarter = np.int64(turn) & 3
    swap = (quarter & 1) == 1
    a, b = (c if swap else s), (s if swap else c)
    return (-a if quarter >= 2 else a), (-b if (quarter == 1) | (quarter == 2) else b)


@njit(cache=True, error_model="numpy")
def normals(out, key, purpose, step):
    """Fill `out` (chain, unit) with standard normals of (key, purpose, step, chain, unit).

    Parameters
    ----------
    out : (C, N) float array
        Overwritten; float32 gets the rounded float64 numbers.
    key : (2,) uint32 array
        From `key_of`.
    purpose : int
        One of the purposes of this module.
    step : int
        Counter of the sampler's steps.
    """
    chains, units = out.shape
    half = (units + 1) // 2
    k0, k1 = key[0], key[1] ^ np.uint32(purpose << 28)
    low, high = np.uint32(step & 0xFFFFFFFF), np.uint32(step >> 32)
    pair = np.empty((2, half))
    for c in range(chains):
        for i in range(half):
            b0, b1, b2, b3 = philox(np.uint32(i), np.uint32(c), low, high, k0, k1)
            radius = math.sqrt(-2.0 * _log(_unit(b0, b1)))
            sine, cosine = _sin_cos(_unit(b2, b3))
            pair[0, i] = radius * cosine
            pair[1, i] = radius * sine
        out[c, :half] = pair[0]
        out[c, half:] = pair[1, : units - half]


@njit(cache=True)
def uniform(key, purpose, step, chain):
    """One uniform number in (0, 1) of (key, purpose, step, chain)."""
    low, high = np.uint32(step & 0xFFFFFFFF), np.uint32(step >> 32)
    b0, b1, _, _ = philox(np.uint32(0), np.uint32(chain), low, high, key[0], key[1] ^ np.uint32(purpose << 28))
    return _unit(b0, b1)


@njit(cache=True)
def uniforms(out, key, purpose, step):
    """Fill `out` (chain,) with uniform numbers in (0, 1) of (key, purpose, step, chain)."""
    for c in range(len(out)):
        out[c] = uniform(key, purpose, step, c)


def key_of(*words: int) -> NDArray[np.uint32]:
    """Key from the integers that name a stream; the top bits are left for the purpose."""
    return np.random.SeedSequence(list(words)).generate_state(2, np.uint32) & np.uint32(0x0FFFFFFF)
