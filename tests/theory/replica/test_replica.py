"""The replica theory against independent values, exact identities and its own free energy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from nsslib.model.couplings import couplings
from nsslib.model.transfer import transfer
from nsslib.theory.replica import equations, free_energy, linear_phase, replicon, solve

ORDER = ("q", "Q", "r", "R", "qh", "Qh")
# Points with a finite-overlap solution: gamma < 0 above the transition.
GLASSY = [(2.0, 10.0, -0.5, "tanh"), (1.5, 1e3, -0.2, "tanh"), (1.8, 50.0, -0.3, "erf")]


def order_of(data):
    return np.array([float(data[name]) for name in ORDER])


def gaussian(f, variance):
    """Average of f over a centred Gaussian."""
    x = np.linspace(-9.0, 9.0, 3001)
    w = np.exp(-0.5 * x**2)
    return float(w @ f(np.sqrt(variance) * x) / w.sum())


@pytest.mark.parametrize(
    ("beta", "g", "q", "l2", "slope"),
    [
        (100, 0.8, 0.024378, 0.025602, 0.78050),
        (100, 1.2, 0.189177, 0.282414, 0.97299),
        (1000, 0.8, 0.002736, 0.002751, 0.79781),
        (1000, 1.2, 0.175032, 0.253046, 0.98996),
        (1e4, 1.0, 0.007042, 0.007142, 0.99296),
        (1e4, 1.1, 0.093601, 0.113357, 0.99704),
        (np.inf, 1.1, 0.093182, 0.112750, 0.99750),
        (np.inf, 1.5, 0.352602, 0.793354, 0.97110),
    ],
)
def test_independent_couplings(beta, g, q, l2, slope):
    """gamma = 0: tabulated activities and norms; the replicon is (g E phi')^2."""
    s = solve(g, beta)
    assert s.converged and s.branch == "zero-overlap"
    np.testing.assert_allclose([s.q, s.l2], [q, l2], atol=6e-7)
    np.testing.assert_allclose(np.sqrt(s.replicon), slope, atol=6e-6)
    assert float(s.qh) == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(s.energy, 0.5 / beta, rtol=1e-10)


def test_reciprocal_couplings():
    s = solve(0.6, 1000.0, gamma=0.5)
    np.testing.assert_allclose([s.q, s.r, s.qh], [0.00415726, 0.04068196, -0.875186], rtol=2e-6)
    np.testing.assert_allclose(s.free_energy, -2.4217504828, atol=1e-10)
    s = solve(1.4 / 1.5, 1000.0, gamma=0.5)
    np.testing.assert_allclose([s.q, s.r, s.qh], [0.123586, 0.0271885, -2.711056], rtol=4e-6)


def test_confined():
    s = solve(0.9, 50.0, gamma=0.4, eta=0.03)
    expected = [0.04823904, 0.09586966, -5.97673784, 0.0101215469, 0.0532428206]
    np.testing.assert_allclose([s.q, s.r, s.qh, s.energy, s.l2], expected, rtol=1e-7)


@pytest.mark.parametrize("phi", ["tanh", "erf"])
@pytest.mark.parametrize(("g", "beta"), [(0.7, 3.0), (1.0, 1e3), (1.3, 0.1), (2.0, 1e6)])
def test_gaussian_form(phi, g, beta):
    """gamma = eta = 0: x is Gaussian with a self-consistent variance."""
    f = transfer(phi)
    variance = brentq(
        lambda v: v - 1.0 / beta - g**2 * gaussian(lambda x: f.value(x) ** 2, v),
        1e-9,
        1 / beta + 9,
        xtol=1e-15,
    )
    s = solve(g, beta, phi=phi)
    np.testing.assert_allclose(s.l2, variance, rtol=1e-8)
    np.testing.assert_allclose(s.R_int, gaussian(f.derivative, variance), rtol=1e-8)
    np.testing.assert_allclose(s.free_energy, 0.5 * np.log(2.0 * np.pi / beta), atol=1e-10)


@pytest.mark.parametrize(("g", "gamma"), [(0.5, 0.5), (0.3, -0.9), (0.8, 0.0), (0.45, 1.0), (2.0, -0.7)])
@pytest.mark.parametrize("beta", [0.1, 40.0, 1e7])
def test_linear_phi_is_the_closed_form(g, gamma, beta):
    exact = linear_phase(g, gamma)
    s = solve(g, beta, gamma, phi="linear")
    np.testing.assert_allclose([s.R_int, beta * s.q], [exact.R_int, exact.beta_q], rtol=1e-9)
    np.testing.assert_allclose(s.free_energy, 0.5 * np.log(2.0 * np.pi / beta) + exact.excess, atol=1e-10)
    np.testing.assert_allclose(s.l2, s.q, rtol=1e-12)


def test_linear_phase_of_a_large_matrix():
    """R_int, beta q and the excess are spectral averages of (1 - J)."""
    J = 0.5 * couplings(1500, 0.5, seed=1)
    A = np.eye(1500) - J
    inverse = np.linalg.inv(A)
    measured = [np.trace(inverse) / 1500, np.sum(inverse**2) / 1500, -np.linalg.slogdet(A)[1] / 1500]
    np.testing.assert_allclose(linear_phase(0.5, 0.5), measured, rtol=0.01)
    np.testing.assert_allclose(linear_phase(0.5, 0.5), [1.171573, 2.08963, 0.072561], rtol=4e-6)


@pytest.mark.parametrize("beta", [1e-2, 3.0, 1e8])
@pytest.mark.parametrize("eta", [0.0, 0.03, 4.0])
def test_free_energy_is_the_logarithm_of_the_partition_function(beta, eta):
    """No constant is left out: independent units at g = 0, and the determinant for linear phi."""
    alone = 0.5 * np.log(2 * np.pi / (beta * (1 + 2 * eta)))
    for phi in ("tanh", "linear"):
        np.testing.assert_allclose(solve(0.0, beta, 0.3, eta, phi).free_energy, alone, atol=1e-12)
    order = order_of(solve(0.0, beta, 0.3, eta))
    np.testing.assert_allclose(free_energy(order, 0.0, beta, 0.3, eta), alone, atol=1e-12)
    A = np.eye(600) - 0.6 * couplings(600, 0.3, seed=4)
    hessian = beta * (A.T @ A + 2 * eta * np.eye(600))
    ln_Z = 0.5 * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(hessian)[1] / 600
    np.testing.assert_allclose(solve(0.6, beta, 0.3, eta, "linear").free_energy, ln_Z, atol=2e-3)


def random_orders(count):
    """Order parameters far from any solution, half of them without overlaps."""
    rng = np.random.default_rng(5)
    for k in range(count):
        g, beta, gamma, eta = (
            rng.uniform(0.4, 1.6),
            10 ** rng.uniform(0, 2),
            rng.uniform(-1, 1),
            rng.uniform(0, 0.1),
        )
        q, r, qh = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.9) / np.sqrt(beta), rng.uniform(-2, 2)
        Q, Qh = (0.0, 0.0) if k % 2 else (q * rng.uniform(0.1, 0.6), rng.uniform(0.1, 0.5))
        # 0.5 keeps the fields' covariance positive definite.
        R = 0.5 * np.sqrt(Q * Qh) / (g * np.sqrt(beta) * max(abs(gamma), 0.1))
        yield np.array([q, Q, r, R, qh, Qh]), (g, beta, gamma, eta, "erf" if k % 3 == 0 else "tanh")


@pytest.mark.parametrize(("order", "point"), list(random_orders(8)))
def test_free_energy_gradient_is_the_residual(order, point):
    g, beta, gamma = point[:3]
    change = equations(order, *point, nodes=40) - order
    b = beta * g**2 * gamma
    expected = np.array([change[4] / 2, -change[5] / 2, b * change[2], -b * change[3], change[0] / 2, -change[1] / 2])
    # Without overlaps only the three symmetric directions stay inside the domain.
    for k in range(6) if order[1] > 0.0 else (0, 2, 4):
        h = np.zeros(6)
        h[k] = 1e-4 * max(abs(order[k]), 1e-2)
        up, down = (free_energy(order + sign * h, *point, nodes=40) for sign in (1, -1))
        np.testing.assert_allclose((up - down) / (2 * h[k]), expected[k], rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize(
    ("g", "beta", "gamma", "eta"),
    [(0.9, 50.0, 0.4, 0.03), (1.3, 200.0, 0.7, 0.0), (0.7, 1.0, -0.8, 0.5), (1.5, 20.0, -0.2, 0.0)],
)
def test_energy_is_the_derivative_of_the_free_energy(g, beta, gamma, eta):
    h = 1e-3 * beta
    s = solve(g, [beta - h, beta - h / 2, beta, beta + h / 2, beta + h], gamma, eta)
    f = s.free_energy.values
    slope = (8.0 * (f[3] - f[1]) - (f[4] - f[0])) / (6.0 * h)
    np.testing.assert_allclose(s.energy[2], -slope, rtol=1e-8)


@pytest.mark.parametrize(
    ("g", "beta", "gamma", "eta", "phi"),
    [(0.9, 50.0, 0.4, 0.03, "tanh"), (1.2, 1e3, -0.3, 0.0, "erf"), (1.1, 7.0, 1.0, 0.0, "tanh")],
)
def test_averages_by_adaptive_quadrature(g, beta, gamma, eta, phi):
    """The zero-overlap fixed point, integrated by QUADPACK from the equations as printed."""
    s = solve(g, beta, gamma, eta, phi, branch="zero-overlap")
    q, r, qh = float(s.q), float(s.r), float(s.qh)
    f, s2, rh = transfer(phi).value, 1.0 + beta * g**2 * q, beta * g**2 * gamma * r

    def z(x):
        return np.sqrt(beta) * x - rh * f(x)

    def average(observable):
        def weight(x):
            return np.exp(-(z(x) ** 2) / (2 * s2) + qh * f(x) ** 2 / 2 - beta * eta * x**2)

        far = 12.0 * np.sqrt(s2 / beta) + 4.0
        options = {"limit": 400, "epsabs": 1e-13, "epsrel": 1e-12, "points": [-0.5, 0.0, 0.5]}
        return (
            quad(lambda x: observable(x) * weight(x), -far, far, **options)[0] / quad(weight, -far, far, **options)[0]
        )

    np.testing.assert_allclose(average(lambda x: f(x) ** 2), q, rtol=1e-9)
    np.testing.assert_allclose(average(lambda x: z(x) * f(x) / s2), r, rtol=1e-9)
    w2 = average(lambda x: (z(x) / s2) ** 2)
    np.testing.assert_allclose(beta * g**2 * (w2 - 1 / s2), qh, rtol=1e-7)
    l2 = average(lambda x: x**2)
    np.testing.assert_allclose([s.l2, s.energy], [l2, (1 + w2 - 1 / s2) / (2 * beta) + eta * l2], rtol=1e-9)


@pytest.mark.parametrize(
    ("g", "beta", "gamma", "eta"),
    [(0.9, 50.0, 0.4, 0.03), (1.1, 1e4, 0.0, 0.0), (1.5, 20.0, -0.4, 0.0), (1.2, 100.0, 0.8, 0.0)],
)
def test_replicon_is_the_jacobian_of_small_overlaps(g, beta, gamma, eta):
    s = solve(g, beta, gamma, eta, branch="zero-overlap")
    base, b = order_of(s), beta * g**2
    units = np.array([base[0], base[2], 1.0 / (beta * base[0])])  # of (Q, R, Yh)

    def image(overlap):
        Q, R, Yh = 1e-6 * overlap * units
        out = equations([base[0], Q, base[2], R, base[4], b * Yh], g, beta, gamma, eta)
        return np.array([out[1], out[3], out[5] / b]) / units / 1e-6

    # Directions whose fields have a covariance; the image is linear in the overlap.
    directions = np.array([[1.0, 0.0, 1.0], [1.0, 0.3, 1.0], [2.0, 0.0, 1.0]])
    jacobian = np.linalg.solve(directions, np.array([image(d) for d in directions])).T
    largest = np.abs(np.linalg.eigvals(jacobian)).max()
    np.testing.assert_allclose(s.replicon, largest, rtol=2e-4)
    np.testing.assert_allclose(replicon(s.q, s.r, s.Y, g, beta, gamma), s.replicon, rtol=1e-10)


@pytest.mark.parametrize(("g", "beta", "gamma", "phi"), GLASSY)
def test_finite_overlap_solves_the_full_equations(g, beta, gamma, phi):
    """gamma < 0: the overlap that the replicon announces is a stationary point of the free energy."""
    s = solve(g, beta, gamma, phi=phi, branch="all")
    zero, finite = s.sel(branch="zero-overlap"), s.sel(branch="finite-overlap")
    assert zero.replicon > 1.0 and 0.0 < finite.Q < finite.q
    order = order_of(finite)
    np.testing.assert_allclose(equations(order, g, beta, gamma, phi=phi, nodes=64), order, rtol=1e-9)
    np.testing.assert_allclose(free_energy(order, g, beta, gamma, phi=phi, nodes=64), finite.free_energy, atol=1e-11)
    # Overlaps lower -beta f: the quenched average lies below the annealed one.
    assert finite.free_energy < zero.free_energy
    assert finite.Yh > 0.0 and 1.0 < finite.replicon < 1.1 < zero.replicon
    np.testing.assert_allclose([finite.qh, finite.Qh], beta * g**2 * np.array([finite.Y, finite.Yh]), rtol=1e-9)
    stable = solve(g, beta, gamma, phi=phi)
    assert stable.branch == "finite-overlap" and stable.Q == finite.Q


@pytest.mark.parametrize(
    ("g", "beta", "gamma", "eta", "phi"),
    [(2.0, 10.0, -0.5, 0.0, "tanh"), (2.4, 10.0, -0.5, 0.005, "tanh"), (1.9, 8.0, -0.4, 0.0, "erf")],
)
def test_six_equations_from_scratch(g, beta, gamma, eta, phi):
    """All six averages and the fluctuation-response identity, integrated anew from the equations as printed."""
    q, Q, r, R, qh, Qh = order_of(solve(g, beta, gamma, eta, phi))
    assert Q > 0.02
    s2, rh, Rh = 1 + beta * g**2 * (q - Q), beta * g**2 * gamma * r, beta * g**2 * gamma * R
    L = np.linalg.cholesky([[Qh, Rh / s2], [Rh / s2, beta * g**2 * Q / s2**2]])
    n, weight = np.polynomial.hermite_e.hermegauss(48)
    h = np.stack(np.meshgrid(n, n, indexing="ij"), -1).reshape(-1, 2) @ L.T
    weight = np.outer(weight, weight).ravel() / weight.sum() ** 2
    x = np.linspace(-14, 14, 1001)
    p = transfer(phi).value(x)
    z = np.sqrt(beta) * x - (rh - Rh) * p
    H = -(z**2) / (2 * s2) + (qh - Qh) * p**2 / 2 + h[:, :1] * p + h[:, 1:] * z - beta * eta * x**2
    density = np.exp(H - H.max(axis=1, keepdims=True))
    density /= density.sum(axis=1, keepdims=True)
    p1, p2, x1, z1, zp, z2 = (density @ o for o in (p, p**2, x, z, z * p, z**2))
    w1, wp, w2 = z1 / s2 - h[:, 1], zp / s2 - h[:, 1] * p1, z2 / s2**2 - 2 * h[:, 1] * z1 / s2 + h[:, 1] ** 2
    b = beta * g**2
    integrated = [weight @ a for a in (p2, p1**2, wp, w1 * p1, b * (w2 - 1 / s2), b * w1**2)]
    np.testing.assert_allclose(integrated, [q, Q, r, R, qh, Qh], rtol=1e-8)
    if eta == 0.0:
        connected = weight @ (density @ (x * p) - x1 * p1)
        np.testing.assert_allclose(connected, (r - R) * (1 + b * (q - Q) * (1 + gamma)) / np.sqrt(beta), rtol=1e-8)


@pytest.mark.parametrize(("g", "beta", "gamma"), [(1.2, 100.0, 0.0), (1.1, 1e3, 0.5), (1.2, 1e4, 0.2), (0.9, 1e3, 0.8)])
def test_no_finite_overlap_at_nonnegative_gamma(g, beta, gamma):
    """Every start, up to Q = 0.99 q, flows back to zero overlap."""
    s = solve(g, beta, gamma, branch="all")
    assert s.converged.values.tolist() == [True, False]
    assert s.replicon[0] < 1.0 and np.isnan(s.q[1])


def test_weak_coupling_and_high_temperature():
    s = solve(0.0, 4.0, gamma=0.7)
    np.testing.assert_allclose(s.l2, 0.25, rtol=1e-12)
    np.testing.assert_allclose(s.q, gaussian(lambda x: np.tanh(x) ** 2, 0.25), rtol=1e-9)
    assert s.replicon == 0.0 and s.qh == 0.0
    near = solve(1e-6, 4.0, gamma=0.7)
    np.testing.assert_allclose([near.q, near.r, near.l2], [s.q, s.r, s.l2], rtol=1e-9)
    confined = solve(0.0, 4.0, eta=0.3)
    np.testing.assert_allclose(confined.l2, 1 / (4.0 * 1.6), rtol=1e-12)
    np.testing.assert_allclose(confined.Y, 1 / 1.6 - 1, rtol=1e-12)
    # phi is saturated almost everywhere, so that v is x shifted by a variable of variance g^2 q.
    hot = solve(1.0, 1e-4)
    np.testing.assert_allclose(hot.l2, 1e4 + hot.q, rtol=1e-10)
    assert 0.98 < hot.q < 1.0


@pytest.mark.parametrize(("g", "gamma"), [(0.6, 0.5), (1.0, -0.3), (0.9, 0.5), (1.5, 0.0)])
def test_zero_temperature_is_the_limit(g, gamma):
    s = solve(g, [1e8, np.inf], gamma)
    cold, frozen = s.isel(beta=0), s.isel(beta=1)
    np.testing.assert_allclose(cold.qh, frozen.qh, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose([cold.R_int, cold.replicon], [frozen.R_int, frozen.replicon], rtol=2e-6)
    np.testing.assert_allclose([cold.q, cold.l2], [frozen.q, frozen.l2], atol=3e-7)
    assert frozen.energy == frozen.r == frozen.Y == 0.0 and frozen.free_energy == -np.inf


def test_origin_beyond_its_transition():
    """gamma > 0: q ~ beta^-1/2 between 1/(1 + gamma) and 1/sqrt(1 + gamma), activity above."""
    s = solve(0.75, [1e6, 1e8, np.inf], gamma=0.5)
    np.testing.assert_allclose(s.q[0] / s.q[1], 10.0, rtol=0.01)
    assert s.q[2] == 0.0 and s.qh[2] == -np.inf
    np.testing.assert_allclose(s.R_int[2], 1 / (0.75**2 * 1.5), rtol=1e-12)
    np.testing.assert_allclose(s.R_int[1], s.R_int[2], rtol=1e-4)
    assert solve(0.815, np.inf, 0.5).q == 0.0 and solve(0.818, np.inf, 0.5).q > 1e-4  # 1/sqrt(1.5) = 0.8165


def test_confined_zero_temperature():
    s = solve(0.9, [1e8, np.inf], gamma=0.4, eta=0.03)
    np.testing.assert_allclose(s.R_int[0], s.R_int[1], rtol=1e-6)
    np.testing.assert_allclose(s.Y[0], s.Y[1], rtol=1e-6)
    assert s.q[1] == s.l2[1] == s.energy[1] == 0.0 and s.qh[1] == -np.inf


def test_first_order_transition_below_gc():
    """gamma < 0: the active phase takes over discontinuously while the origin is stable."""
    s = solve([1.15, 1.3, 1.6], 1e6, gamma=-0.3)
    assert (s.q[0] < 1e-4) and (s.q[2] > 0.1)
    stay = s.isel(g=0)
    np.testing.assert_allclose(stay.R_int, linear_phase(1.15, -0.3).R_int, rtol=1e-3)


@pytest.mark.slow
def test_every_point_of_a_wide_grid_converges():
    for eta in (0.0, 0.01, 1.0):
        s = solve(
            [0.0, 0.5, 0.71, 1.0, 1.7, 3.0],
            [1e-2, 1.0, 1e2, 1e5, 1e8],
            [-1.0, -0.4, 0.0, 0.3, 1.0],
            eta,
            branch="zero-overlap",
        )
        assert s.converged.all() and s.residual.max() < 1e-12
        assert ((s.q > 0) & (s.q <= s.l2) & (s.energy > 0)).all()
