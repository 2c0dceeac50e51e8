"""Branches of the replica theory: completeness, folds, first-order points, stability with overlaps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.integrate import quad

from nsslib.model.transfer import PHI, Phi, transfer
from nsslib.theory.replica import branches, crossing, equations, solve, trace, transition
from nsslib.theory.replica.continuation import ZERO, unknowns
from nsslib.theory.replica.equations import (
    Order,
    Point,
    field_nodes,
    fields,
    natural,
    residual_moments,
    units,
    width_and_feedback,
)
from nsslib.theory.replica.finite_overlap import QUADRATURES, finite_overlaps, jacobian, mismatch, scale
from nsslib.theory.replica.single_site import even_moments, moments
from nsslib.theory.replica.zero_overlap import QUICK, THOROUGH, paramagnets, search

ORDER = ("q", "Q", "r", "R", "qh", "Qh")
ODD = [
    Phi("algebraic", lambda x: x / np.sqrt(1 + x * x), lambda x: (1 + x * x) ** -1.5, lambda x: -3 * x / (1 + x * x)),
    Phi("steep", lambda x: np.tanh(3 * x), lambda x: 3 / np.cosh(3 * x) ** 2, lambda x: -6 * np.tanh(3 * x)),
    Phi("wave", np.sin, np.cos, lambda x: -np.tan(x)),
]


def random_points(count, seed):
    """Points (g, beta, gamma, eta, phi) all over the domain, many of them with several solutions."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        gamma, beta = rng.uniform(-1.0, 1.0), 10 ** rng.uniform(-2.0, 8.0)
        g = min(rng.uniform(0.6, 1.1) / (1.0 + gamma) if k % 2 else rng.uniform(0.1, 2.5), 6.0)
        eta = 0.0 if k % 3 else 10 ** rng.uniform(-4, 0)
        # Without eta, the linear phi has solutions below g_c only.
        if k % 5 == 1 and eta == 0.0:
            g = rng.uniform(0.1, 0.95) * min(1.0 / (1.0 + gamma), 5.0)
        yield g, beta, gamma, eta, {0: "erf", 1: "linear"}.get(k % 5, "tanh")


def as_point(g, beta, gamma, eta, phi):
    return Point(g, 1.0 / beta, gamma, beta * eta, transfer(phi))


@pytest.mark.parametrize("point", list(random_points(30, 3)))
def test_thirty_random_points_by_adaptive_quadrature(point):
    """The equations as printed, integrated by QUADPACK at the solution, to 1e-8."""
    g, beta, gamma, eta, phi = point
    s = solve(*point, branch="zero-overlap")
    assert s.converged
    q, r, qh, l2 = (float(s[name]) for name in ("q", "r", "qh", "l2"))
    f, s2, rh = PHI[phi].value, 1.0 + beta * g**2 * q, beta * g**2 * gamma * r

    def z(x):
        return np.sqrt(beta) * x - rh * f(x)

    def H(x):
        return -(z(x) ** 2) / (2 * s2) + qh * f(x) ** 2 / 2 - beta * eta * x**2

    grid = np.geomspace(1e-3, 60.0, 4000) * np.sqrt(l2)
    top, far = max(H(grid).max(), 0.0), grid[np.flatnonzero(H(grid) > max(H(grid).max(), 0.0) - 60.0).max() + 1]
    cuts = np.linspace(0.0, far, 9)

    def integral(observable):
        pieces = [
            quad(lambda x: observable(x) * np.exp(H(x) - top), a, b, epsabs=0.0, epsrel=1e-11, limit=200)[0]
            for a, b in itertools.pairwise(cuts)
            if np.exp(H(np.linspace(a, b, 50)) - top).max() > 1e-22
        ]
        return sum(pieces)

    norm = integral(lambda x: 1.0)
    means = [integral(o) / norm for o in (lambda x: f(x) ** 2, lambda x: z(x) * f(x) / s2, lambda x: x**2)]
    np.testing.assert_allclose(means, [q, r, l2], rtol=1e-8)
    w2 = integral(lambda x: (z(x) / s2) ** 2) / norm
    # In the units of the residual: w^2 - 1/s2 cancels where there is no excess speed.
    assert abs(beta * g**2 * (w2 - 1 / s2) - qh) * q <= 1e-8 * max(abs(qh) * q, 1.0)


@pytest.mark.parametrize("point", list(random_points(10, 8)))
def test_energy_and_free_energy_at_random_points(point):
    """energy = -d(-beta f)/d beta, on the solution of least activity."""
    g, beta, gamma, eta, phi = point
    h = 1e-3
    betas = [beta * (1 + k * h) for k in (-2, -1, 0, 1, 2)]
    s = [
        min(solutions, key=lambda s: s.order.q)
        for solutions in paramagnets([as_point(g, b, gamma, eta, phi) for b in betas])
    ]
    f = [solution.excess - 0.5 * np.log(b) for solution, b in zip(s, betas, strict=True)]
    slope = (8.0 * (f[3] - f[1]) - (f[4] - f[0])) / (12.0 * h * beta)
    np.testing.assert_allclose((1.0 + s[2].Y) / (2.0 * beta) + eta * s[2].l2, -slope, rtol=1e-7)


def test_quick_tables_miss_nothing():
    """Five times finer tables of S find the same solutions."""
    points = [as_point(*p) for p in random_points(60, 11) if p[4] == "tanh"]
    quick = [sorted(s.order.q for s in solutions) for solutions in paramagnets(points)]
    with np.errstate(all="ignore"):
        thorough = [sorted(s.order.q for s in solutions) for solutions in search(points, THOROUGH)[0]]
    assert QUICK.size < THOROUGH.size and max(map(len, quick)) == 3
    for a, b in zip(quick, thorough, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


@pytest.mark.parametrize("phi", ["tanh", "erf"])
def test_one_solution_at_each_activity(phi):
    """gamma > 0: <x phi> at fixed <phi^2> grows more slowly than its field b wherever a root can be."""
    rng, n = np.random.default_rng(7), 4000
    w = 10 ** rng.uniform(-5, 5, n)
    b = (1.0 + np.sqrt(w)) / w * 10 ** rng.uniform(-4, 1, n)
    A = rng.choice([-1.0, 1.0], n) * (1.0 + b + 1.0 / w) * 10 ** rng.uniform(-3, 1.5, n)
    s = even_moments(np.column_stack([A, b, -0.5 / w]), transfer(phi))
    known = s.cov[:, 0, 0] > 1e-10 * s.mean[:, 0] ** 2
    q, m, cov, b, w = s.mean[known, 0], s.mean[known, 1], s.cov[known], b[known], w[known]
    growth = b * (cov[:, 1, 1] - cov[:, 0, 1] ** 2 / cov[:, 0, 0]) / m
    possible = m >= 2.0 * w * q * b
    assert possible.sum() > 2500 and growth[possible].max() < 0.25
    # The condition is needed: without it two values of the field may have the same m/b.
    assert growth.max() > 1.0


@pytest.mark.parametrize(
    ("g", "beta", "gamma", "eta"), [(1.2, 30.0, 0.5, 0.0), (0.7, 1e4, 1.0, 0.01), (2.5, 0.3, 0.8, 0.0)]
)
def test_every_solution_lies_where_the_field_grows_faster(g, beta, gamma, eta):
    """m >= 2 w q b at the solutions, as v >= g^2 q implies."""
    for s in paramagnets([as_point(g, beta, gamma, eta, "tanh")])[0]:
        q, R = s.order.q, s.order.R_int
        v = 1.0 / beta + g**2 * q
        kappa, w = g**2 * gamma * R, 1.0 / (1.0 / v + 2.0 * beta * eta)
        m = R * v + kappa * q
        np.testing.assert_allclose(m / (kappa / v), v * (q + v / (g**2 * gamma)), rtol=1e-12)
        assert m >= 2.0 * w * q * kappa / v


CORNERS = [
    (20.0, 0.4416, -1.0, 5.642e-5, "erf"),
    (20.0, 1.139, -0.989439, 0.0, "algebraic"),
    (2.59922, 0.02584, 0.229993, 7.507e-6, "linear"),
    (1.98758, 0.07869, 0.418849, 5.271e-8, "linear"),
    (3.71597, 0.1894, 0.56333, 1.728e-8, "linear"),
]


@pytest.mark.parametrize(("g", "beta", "gamma", "eta", "phi"), CORNERS)
def test_corners(g, beta, gamma, eta, phi):
    """Far from the transition, gamma near -1 or <x^2> in the thousands: solved, and to the last digits."""
    f = ODD[0] if phi == "algebraic" else phi
    s = solve(g, beta, gamma, eta, f, branch="zero-overlap")
    assert s.converged and s.residual < 1e-12
    order = np.array([float(s[name]) for name in ORDER])
    np.testing.assert_allclose(equations(order, g, beta, gamma, eta, f), order, rtol=1e-9, atol=1e-9)


def test_jacobians_are_derivatives():
    point = Point(1.5, 1e-2, -0.2, 0.0, PHI["tanh"])
    zeros = paramagnets([point])[0]
    _, theta = unknowns(zeros[0])
    theta += np.array([0.1, 0.05, -0.1])
    for k in range(3):
        h = 1e-6 * np.eye(3)[k]
        # Scaled rows: differentiate the mismatch, whose scale is that of the middle.
        up, down = (ZERO.residual(theta + sign * h, point) for sign in (1, -1))
        J = ZERO.jacobian(theta, point)[:, k]
        change = (up - down) / 2e-6
        own = np.array([1.0, 1.0 / theta[1], 0.0]) * ZERO.residual(theta, point) * (k == np.arange(3))
        if k == 2 and abs(theta[2]) > 1.0:
            own[2] = ZERO.residual(theta, point)[2] / theta[2]
        if k == 0:
            own = np.array([1.0, 0.0, -1.0]) * ZERO.residual(theta, point)
        np.testing.assert_allclose(change + own, J, rtol=1e-6, atol=1e-8)
    y = np.array(finite_overlaps(zeros, point)[0].order)
    _, site = mismatch(y, point, QUADRATURES[0])
    units = scale(y)
    J = jacobian(y, site, point, QUADRATURES[0])
    for k in range(6):
        h = 1e-6 * units * np.eye(6)[k]
        up, down = (mismatch(y + sign * h, point, QUADRATURES[0])[0] * scale(y + sign * h) for sign in (1, -1))
        np.testing.assert_allclose((up - down) / 2e-6 / units, J[:, k], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("g", "beta", "gamma"), [(2.0, 10.0, -0.5), (1.5, 1e3, -0.2)])
def test_replicon_with_overlaps_is_the_response_of_a_clustered_field(g, beta, gamma):
    """Fields split into a common part and a small one per cluster of replicas; clusters differ by the replicon map."""
    s = solve(g, beta, gamma)
    assert s.branch == "finite-overlap"
    point = Point(g, 1.0 / beta, gamma, 0.0, PHI["tanh"])
    y = np.array([float(s[name]) for name in ORDER]) * units(beta)
    v, kappa = width_and_feedback(Order(*y), point)
    nodes, weights = field_nodes(24, 72)
    base = natural(y, point, nodes)
    _, h_u = fields(y, point, nodes)

    def means(h_p, h_zeta):
        """<phi> and <W> with more field h_p on phi and h_zeta on u, in units of v."""
        coefficients = base.copy()
        coefficients[:, 0] += h_p - kappa * h_zeta / v
        coefficients[:, 1] += h_zeta / v
        mean = moments(coefficients, point.phi).mean
        return np.array([mean[:, 0], residual_moments(mean, v, kappa, h_u + h_zeta / v)[0]])

    e = 1e-4
    response = np.stack(
        [(means(e, 0.0) - means(-e, 0.0)) / (2 * e), (means(0.0, e) - means(0.0, -e)) / (2 * e)], axis=1
    )
    np.testing.assert_allclose(response[0, 1], response[1, 0], atol=1e-6 * np.abs(response[0, 1]).max())

    def image(X):
        """Covariance of the cluster means for a small field covariance made from X."""
        K = g**2 * np.array([[X[2], gamma * X[1]], [gamma * X[1], X[0]]])
        covariance = np.einsum("ian,ab,jbn,n->ij", response, K, response, weights)
        return np.array([covariance[0, 0], covariance[0, 1], covariance[1, 1]])

    growth = np.linalg.eigvals(np.array([image(X) for X in np.eye(3)]).T)
    leading = growth[np.argmax(np.abs(growth))]
    np.testing.assert_allclose(s.replicon, np.abs(leading), rtol=1e-6)
    # The instability is a real one: an eigenvalue above +1, of fields that do not vanish.
    assert leading.imag == 0.0 and leading.real > 1.0


@pytest.mark.parametrize(("g", "beta", "gamma"), [(2.4, 1e4, -0.5), (2.4, np.inf, -0.5), (2.5, 1e4, -0.7)])
def test_finite_overlap_deep_in_the_negative_phase(g, beta, gamma):
    """Above g_c an overlap is found where no plain start leads to one; below g_c the linear phase is stable."""
    s = solve(g, beta, gamma)
    if g > float(transition(gamma)):
        assert s.branch == "finite-overlap" and 0.9 < s.Q / s.q < 1.0 < s.replicon < 1.05
        if np.isfinite(beta):
            order = np.array([float(s[name]) for name in ORDER])
            np.testing.assert_allclose(equations(order, g, beta, gamma, nodes=200), order, rtol=1e-6)
    else:
        assert s.branch == "zero-overlap" and s.replicon < 1.0


def test_finite_overlap_starts_continuously_where_the_replicon_is_one():
    """gamma < 0, in beta: a finite overlap exists exactly where the zero-overlap replicon exceeds 1."""
    path = trace(1.5, 1e3, -0.2, parameter="beta", to=1.0, branch="finite-overlap", largest=0.3)
    assert path.converged.all() and path.Q[-1] < 1e-3 * path.q[-1] and not path.fold.any()
    end = solve(1.5, float(path.beta[-1]), -0.2, branch="zero-overlap")
    # Both differences vanish in proportion to the overlap.
    assert (
        0.0 < end.replicon - 1.0 < path.Q[-1] / path.q[-1] and 0.0 < 1.0 - path.q[-1] / end.q < path.Q[-1] / path.q[-1]
    )
    assert (path.free_energy <= solve(1.5, path.beta.values, -0.2, branch="zero-overlap").free_energy.values).all()


@pytest.mark.parametrize(("gamma", "expected"), [(-0.3, 1.290304628), (-0.5, None)])
def test_annealed_jump_below_gc(gamma, expected):
    """gamma < 0: the zero-overlap branch jumps below g_c, into a phase that is unstable."""
    g_c = float(transition(gamma))
    frozen = crossing(0.75 * g_c, 0.999 * g_c, np.inf, gamma)
    cold = crossing(0.75 * g_c, 0.999 * g_c, 1e8, gamma)
    np.testing.assert_allclose(cold.g, frozen.g, rtol=1e-5)
    assert 0.75 * g_c < frozen.g < g_c and frozen.q[0] == 0.0 and frozen.q[1] > 0.005
    assert frozen.replicon[0] < 1.0 < frozen.replicon[1]
    np.testing.assert_allclose(cold.free_energy[0], cold.free_energy[1], atol=1e-12)
    if expected:
        np.testing.assert_allclose(frozen.g, expected, atol=1e-9)
    # What is stable there is the linear phase: nothing jumps.
    assert solve(float(frozen.g) * 1.01, 1e6, gamma).q < 1e-4


def test_spinodals_are_folds():
    path = trace(1.1, 1e4, -0.3, to=1.6)
    assert path.converged.all() and int(path.fold.sum()) == 2 and path.g[-1] > 1.3
    high, low = path.g[path.fold].values
    assert low < float(crossing(1.1, 1.42, 1e4, -0.3).g) < high
    # One solution on either side of the two spinodals, three between them.
    for g, count in ((low - 1e-4, 1), (low + 1e-4, 3), (high - 1e-4, 3), (high + 1e-4, 1)):
        solutions = branches(g, 1e4, -0.3)
        assert int((solutions.branch == "zero-overlap").sum()) == count


def test_branches_in_every_parameter():
    """A trace and a direct solution agree wherever the trace goes."""
    for parameter, to in (("g", 1.0), ("beta", 1e5), ("gamma", 1.0), ("eta", 0.5)):
        path = trace(0.8, 100.0, 0.3, 0.01, parameter=parameter, to=to)
        assert path.converged.all() and path.residual.max() < 1e-12
        last = path.isel(step=-1)
        point = [float(last[name]) for name in ("g", "beta", "gamma", "eta")]
        direct = solve(*point, branch="zero-overlap")
        np.testing.assert_allclose([last.q, last.r, last.free_energy], [direct.q, direct.r, direct.free_energy])


def test_preferred_is_what_solve_calls_stable():
    for point in [(1.5, 1e3, -0.2), (1.3, 1e4, -0.3), (1.2, 100.0, 0.5), (0.5, np.inf, 0.5)]:
        solutions, stable = branches(*point), solve(*point)
        assert int(solutions.preferred.sum()) == 1 and solutions.converged.all()
        assert float(solutions.q[solutions.preferred][0]) == float(stable.q)


@pytest.mark.parametrize("phi", ODD, ids=lambda phi: phi.name)
@pytest.mark.parametrize("beta", [1e-2, 30.0, 1e6])
def test_any_odd_transfer_function(phi, beta):
    """gamma = 0: x is Gaussian of variance t + g^2 q."""
    s = solve(0.9, beta, phi=phi)
    x = np.linspace(-9.5, 9.5, 20001)
    w = np.exp(-0.5 * x * x)
    variance = 1 / beta + 0.9**2 * float(s.q)
    np.testing.assert_allclose(s.q, (phi.value(np.sqrt(variance) * x) ** 2) @ w / w.sum(), rtol=1e-9)
    np.testing.assert_allclose(s.l2, variance, rtol=1e-9)
    assert s.attrs["phi"] == phi.name


def test_a_steep_transfer_function_rescales_the_coupling():
    """tanh(3 x) at g is tanh at 3 g with x, v and eta in other units; at beta = inf without any."""
    a, b = solve(0.3, np.inf, 0.5, phi=ODD[1]), solve(0.9, np.inf, 0.5)
    np.testing.assert_allclose([a.q, a.R_int, 9 * a.l2], [b.q, 3 * b.R_int, b.l2], rtol=1e-9)
    a, b = solve(0.2, np.inf, 0.5, phi=ODD[1]), solve(0.6, np.inf, 0.5)
    np.testing.assert_allclose([a.R_int, a.replicon], [3 * b.R_int, b.replicon], rtol=1e-9)


def test_kinked_transfer_function_is_not_converged():
    """A quadrature that does not reach the tolerance gives no number."""
    kinked = Phi("clipped", lambda x: np.clip(x, -1, 1), lambda x: 1.0 * (np.abs(x) < 1), np.zeros_like)
    s = solve(1.2, 50.0, 0.5, phi=kinked, tol=1e-12)
    assert not s.converged and np.isnan(s.q)


@pytest.mark.heavy
def test_census_of_finite_overlaps():
    """gamma >= 0, beta <= 1e6: no finite overlap, and no instability that would start one."""
    gamma = np.array([0.0, 0.25, 0.5, 1.0])
    wide = solve(np.linspace(0.3, 3.0, 55), 10.0 ** np.arange(-2, 7), np.linspace(0, 1, 9), branch="zero-overlap")
    assert wide.converged.all() and wide.replicon.max() < 1.0
    for c in gamma:
        s = solve(np.array([0.9, 1.05, 1.3, 2.0]) / (1 + c), [1.0, 1e2, 1e4, 1e6], c, branch="all")
        assert s.converged.sel(branch="zero-overlap").all()
        assert not s.converged.sel(branch="finite-overlap").any()
