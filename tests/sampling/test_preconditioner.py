"""The preconditioner whitens the Hessian of the linearised network."""

import hashlib

import numpy as np
import pytest

from nsslib import couplings
from nsslib.sampling.preconditioner import FLOOR, preconditioner, reference_g


@pytest.mark.parametrize("gamma", [-1.0, 0.0, 0.7])
@pytest.mark.parametrize("N", [1, 2, 30])
def test_the_preconditioner_whitens(N, gamma):
    J0, g, eta = couplings(N, gamma, 3), 0.55, 0.1
    B = preconditioner(J0, g, eta)
    A = np.eye(N) - g * J0
    M = A.T @ A + (2 * eta + FLOOR) * np.eye(N)
    np.testing.assert_allclose(B @ M @ B.T, np.eye(N), atol=1e-12)
    assert not np.triu(B, 1).any()


def test_softest_and_stiffest_modes_come_together_at_the_edge_of_chaos():
    J0 = couplings(200, 0.0, 1)
    H = (np.eye(200) - J0).T @ (np.eye(200) - J0)
    B = preconditioner(J0, 1.0, 0.0)
    before, after = (np.linalg.eigvalsh(M) for M in (H + FLOOR * np.eye(200), B @ (H + FLOOR * np.eye(200)) @ B.T))
    assert before[-1] / before[0] > 50
    assert after[-1] / after[0] == pytest.approx(1.0, abs=1e-10)


def test_reference_is_the_largest_g_up_to_the_edge_of_chaos():
    assert reference_g(0.0, 0.8) == 0.8
    assert reference_g(0.0, 1.4) == 1.0
    assert reference_g(1.0, 1.4) == 0.5
    assert reference_g(-0.5, 1.4) == 1.4
    assert reference_g(-1.0, 3.0) == 3.0


def test_the_bits_are_the_same_everywhere():
    """No LAPACK and no fused multiply-add: the sums are those of the loops, on any machine."""
    digest = hashlib.sha256(preconditioner(couplings(33, 0.3, 7), 0.7, 0.01).tobytes()).hexdigest()
    assert digest.startswith("8969a11c1f1455f8")
