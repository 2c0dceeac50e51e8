"""Counter-based random numbers: Philox 4x32-10 (Salmon et al., SC 2011) and Box-Muller.

A number is a function of (key, purpose, step, chain, unit) and of nothing else: no state to save, and the
same bits whatever runs before, beside or after. A chain is named by two words of 32 bits.
"""

from __future__ import annotations

import hashlib
import math
import struct

import numpy as np
from numba import njit, types
from numba.extending import overload
from numpy.typing import NDArray

from nsslib.kernels.cpu.elementary import log32, log64, sin_cos32, sin_cos64
from nsslib.kernels.cpu.products import LANES

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
    """Uniform in (0, 1) from 52 of the 64 bits, which become the mantissa of a number in [1, 2)."""
    bits = np.uint64(a) << np.uint64(20) | np.uint64(b) >> np.uint64(12) | np.uint64(0x3FF0000000000000)
    return (np.uint64(bits).view(np.float64) - 1.0) + _TWO_53


@njit(inline="always")
def _unit32(a):
    """Uniform in (0, 1) from 24 of the 32 bits, as float32."""
    return (np.float32(np.int32(a >> np.uint32(8))) + np.float32(0.5)) * np.float32(2.0**-24)


@njit(error_model="numpy")
def _refresh64(P, units, keep, key, purpose, step, chain):
    """One pair of normals a call of Philox, for units i and i + half."""
    half = (units + 1) // 2
    k0, k1 = key[0], key[1] ^ np.uint32(purpose << 28)
    t = np.uint32(step)
    for p in range(len(P)):
        for i in range(half):
            last = i + half < units
            for w in range(LANES):
                b0, b1, b2, b3 = philox(np.uint32(i), chain[p, 0, w], t, chain[p, 1, w], k0, k1)
                radius = math.sqrt(-2.0 * log64(_unit(b0, b1)))
                sine, cosine = sin_cos64(_unit(b2, b3))
                kept = keep[p, w]
                fresh = math.sqrt(1.0 - kept * kept) * radius
                P[p, i, w] = kept * P[p, i, w] + fresh * cosine
                if last:
                    P[p, i + half, w] = kept * P[p, i + half, w] + fresh * sine


@njit(error_model="numpy")
def _refresh32(P, units, keep, key, purpose, step, chain):
    """Two pairs of normals a call of Philox, for units i, i + quarter, i + 2 quarter, i + 3 quarter."""
    quarter = (units + 3) // 4
    k0, k1 = key[0], key[1] ^ np.uint32(purpose << 28)
    t = np.uint32(step)
    n = np.empty((4, LANES), np.float32)
    for p in range(len(P)):
        for i in range(quarter):
            for w in range(LANES):
                b0, b1, b2, b3 = philox(np.uint32(i), chain[p, 0, w], t, chain[p, 1, w], k0, k1)
                radius = math.sqrt(np.float32(-2.0) * log32(_unit32(b0)))
                sine, cosine = sin_cos32(_unit32(b1))
                n[0, w], n[1, w] = radius * cosine, radius * sine
                radius = math.sqrt(np.float32(-2.0) * log32(_unit32(b2)))
                sine, cosine = sin_cos32(_unit32(b3))
                n[2, w], n[3, w] = radius * cosine, radius * sine
            for m in range(min(4, (units - i + quarter - 1) // quarter)):
                for w in range(LANES):
                    kept = np.float32(keep[p, w])
                    fresh = math.sqrt(np.float32(1.0) - kept * kept)
                    P[p, i + m * quarter, w] = kept * P[p, i + m * quarter, w] + fresh * n[m, w]


def refresh(P, units, keep, key, purpose, step, chain):
    """P = keep P + sqrt(1 - keep^2) n, with standard normals n of (key, purpose, step, chain, unit).

    For compiled code. float32 states have normals of their own, made of fewer random bits.

    Parameters
    ----------
    P : (panel, unit, lane) float array
        Overwritten in its first `units` units.
    keep : (panel, lane) array
        What each chain keeps, in [0, 1].
    key : (2,) uint32 array
        From `key_of`.
    purpose : int
        One of the purposes of this module.
    step : int
        Counter of the sampler's steps, below 2^32.
    chain : (panel, 2, lane) uint32 array
        Names of the chains.
    """
    raise NotImplementedError


@overload(refresh)
def _refresh(P, units, keep, key, purpose, step, chain):
    if P.dtype == types.float32:
        return lambda P, units, keep, key, purpose, step, chain: _refresh32(P, units, keep, key, purpose, step, chain)
    return lambda P, units, keep, key, purpose, step, chain: _refresh64(P, units, keep, key, purpose, step, chain)


@njit(cache=True)
def uniform(key, purpose, step, low, high):
    """One uniform number in (0, 1) of (key, purpose, step, chain), a chain named by its two words."""
    k1 = key[1] ^ np.uint32(purpose << 28)
    b0, b1, _, _ = philox(np.uint32(0), np.uint32(low), np.uint32(step), np.uint32(high), key[0], k1)
    return _unit(b0, b1)


@njit(cache=True)
def normals(P, units, key, purpose, step, chain):
    """Fill P (panel, unit, lane) with standard normals of (key, purpose, step, chain, unit)."""
    refresh(P, units, np.zeros((P.shape[0], P.shape[2])), key, purpose, step, chain)


def key_of(stream: str) -> NDArray[np.uint32]:
    """Key of a stream, (2,), from the text that names it; the top bits are left for the purpose."""
    return np.frombuffer(hashlib.sha256(stream.encode()).digest()[:8], "<u4") & np.uint32(0x0FFFFFFF)


def name_of(replica: int, g: float, beta: float) -> NDArray[np.uint32]:
    """The two words, (2,), that name the chain of a replica which starts at (g, beta)."""
    return np.frombuffer(hashlib.sha256(struct.pack("<Qdd", replica, g, beta)).digest()[:8], "<u4")
