"""Packed products equal numpy's, and their bits depend on no vector width, tile or neighbour."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit

from nsslib.kernels.cpu.products import LANES, ROWS, block, block_of_loops, pack


def product_by(of_block):
    """A compiled product A = J F over first <= k < last, by one of the ways to compute a block."""

    @njit
    def product(J, first, last, F, A, out):
        for b in range(len(J)):
            for p in range(len(F)):
                of_block(J, b, first, last, F, p, out)
                A[p, b * ROWS : (b + 1) * ROWS] = out

    return product


by_vectors, by_loops = product_by(block), product_by(block_of_loops)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("N", [1, 5, 6, 7, 40])
def test_products_equal_those_of_numpy(N, dtype):
    random = np.random.default_rng(N)
    J = random.normal(size=(N, N)).astype(dtype)
    packed = pack(J)
    F = np.zeros((3, len(packed) * ROWS, LANES), dtype)
    F[:, :N] = random.normal(size=(3, N, LANES))
    found, plain = np.zeros_like(F), np.zeros_like(F)
    out = np.zeros((ROWS, LANES), dtype)
    for first, last in {(0, N), (N // 2, N), (0, N // 2 + 1)}:
        by_vectors(packed, first, last, F, found, out)
        by_loops(packed, first, last, F, plain, out)
        expected = np.matmul(J[:, first:last], F[:, first:last])
        np.testing.assert_allclose(found[:, :N], expected, rtol=0, atol=100 * np.finfo(dtype).eps)
        assert not found[:, N:].any()
        np.testing.assert_array_equal(found, plain)


SAMPLE = """
import hashlib, numpy as np, nsslib
for precision in ("float64", "float32"):
    tree = nsslib.simulate(7, [0.8, 1.2], [3.0, 10.0], gamma=0.3, seed=2, steps=30, burn_in=60, n_leapfrog=3,
                           precision=precision, save={"observables": 1, "trajectories": 1}, progress=False)
    print(hashlib.sha256(tree["trajectories/x"].values.tobytes()).hexdigest())
"""

AVX2 = "+avx,+avx2,+fma,+bmi,+bmi2,+sse4.2,+popcnt,+lzcnt,+f16c"


@pytest.mark.slow
def test_samples_have_the_same_bits_on_another_kind_of_processor(tmp_path):
    """Machine code for AVX-512 (where there is), for AVX2, and plain loops for a processor with fma."""
    kinds = ({}, {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": AVX2}, {"NUMBA_CPU_FEATURES": "+avx,+fma,+sse4.2"})
    digests = []
    for n, kind in enumerate(kinds):
        done = subprocess.run(
            [sys.executable, "-c", SAMPLE],
            env=os.environ | kind | {"NUMBA_CACHE_DIR": str(tmp_path / str(n))},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        digests.append(done.stdout)
    assert digests[0] == digests[1] == digests[2]
