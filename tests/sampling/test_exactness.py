"""The samplers draw from exp(-beta E): exact integrals, exact covariances, exact identities."""

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import trapezoid

import nsslib
from nsslib.analysis.chains.order_parameters import with_derived
from tests.sampling.exact_measure import EXACT, assert_normal, boltzmann_grid, exact_values, steps_of, z_of

FEW = {"save": {"observables": 1, "trajectories": 1}, "progress": False}


@pytest.mark.heavy
@pytest.mark.parametrize("sampler", EXACT)
@pytest.mark.parametrize("N", [1, 2])
def test_moments_and_histogram_agree_with_the_exact_integral(N, sampler):
    g, beta, gamma, eta, seed = [0.5, 1.5, 2.5], [1.0, 10.0, 100.0], 0.5, 0.02, 5
    tree = nsslib.simulate(
        N, g, beta, gamma=gamma, eta=eta, seed=seed, **EXACT[sampler], steps=steps_of(EXACT[sampler]), diagonal="iid",
        burn_in=500, replicas=4, save={"observables": 4, "trajectories": 4}, progress=False,
    )  # fmt: skip
    J0 = nsslib.couplings(N, gamma, seed, "iid")
    series, x = tree["observables"].dataset, tree["trajectories/x"]
    z = []
    for gi in g:
        for b in beta:
            means, edges = exact_values(gi * J0, b, eta)
            cell = {"g": gi, "beta": b}
            z += [float(z_of(series[name].sel(cell), means[name])) for name in ("q", "l2", "r", "Y", "virial")]
            # Equally likely bins of x_0; E is even, so both signs are there only if wells exchange.
            bins = xr.apply_ufunc(lambda a, e=edges: np.searchsorted(e, a), x.sel(cell).isel(unit=0))
            z += [float(z_of((bins == k).astype(float), 1 / 12)) for k in range(12)]
    # Scores of one cell come from the same chains; cells are independent of each other.
    assert_normal(z, len(g) * len(beta))


@pytest.mark.parametrize("gamma", [-0.5, 0.0, 0.5])
def test_linear_network_has_its_exact_covariance(gamma):
    N, g, beta, eta = 40, 0.55, [1.0, 100.0], 0.05
    tree = nsslib.simulate(
        N, g, beta, gamma=gamma, eta=eta, seed=3, phi="linear", steps=1500, burn_in=200, replicas=8, **FEW
    )  # fmt: skip
    J = g * nsslib.couplings(N, gamma, 3)
    precision = (np.eye(N) - J).T @ (np.eye(N) - J) + 2.0 * eta * np.eye(N)
    eigenvalues, modes = np.linalg.eigh(precision)
    x = tree["trajectories/x"].sel(g=g).astype(float)
    amplitude = xr.dot(x, xr.DataArray(modes, dims=("unit", "mode")), dim="unit")
    for b in beta:
        a = amplitude.sel(beta=b)
        z = z_of(b * eigenvalues * a**2, 1.0)
        assert np.abs(z).max() < 4.5
        neighbours = z_of(a.isel(mode=slice(1, None)).drop_vars("mode", errors="ignore") * a.isel(mode=slice(-1)), 0.0)
        assert np.abs(neighbours).max() < 4.5
    means, cov = tree["observables/l2"].mean(("replica", "draw")).sel(g=g), np.trace(np.linalg.inv(precision)) / N
    np.testing.assert_allclose(means * np.array(beta), cov, rtol=0.03)


@pytest.mark.parametrize("gamma", [-0.5, 0.0, 0.5])
def test_linear_covariance_tends_to_the_replica_value(gamma):
    g = 0.5
    expected = float(nsslib.solve(g, 10.0, gamma, phi="linear")["q"]) * 10.0
    found = []
    for seed in range(3):
        J = g * nsslib.couplings(800, gamma, seed)
        found.append(np.sum(np.linalg.inv(np.eye(800) - J) ** 2) / 800)
    np.testing.assert_allclose(np.mean(found), expected, rtol=0.01)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("sampler", EXACT)
def test_virial_and_configurational_temperature_are_exact(sampler, precision):
    tree = nsslib.simulate(
        24, [0.8, 1.3], [5.0, 50.0], gamma=0.3, eta=0.01, seed=1, **EXACT[sampler], replicas=4, burn_in=300,
        steps=steps_of(EXACT[sampler], 8000), precision=precision, save={"observables": 2, "trajectories": 0},
        progress=False,
    )  # fmt: skip
    series = with_derived(tree["observables"].to_dataset().astype(float))
    for name in ("virial", "configurational"):
        assert np.abs(z_of(series[name], 1.0)).max() < 4.0, name


@pytest.mark.heavy
@pytest.mark.parametrize("sampler", EXACT)
def test_exchange_leaves_every_cell_its_exact_integral(sampler):
    """A intermediate beta stands between the last two; q, energy and Y are recorded right after a round of exchange."""
    g, beta, gamma, eta, seed = [0.6, 1.2, 1.8, 2.4], [1.0, 4.0, 16.0, 100.0], 0.5, 0.05, 5
    tree = nsslib.simulate(
        2, g, beta, gamma=gamma, eta=eta, seed=seed, **EXACT[sampler], steps=steps_of(EXACT[sampler]), diagonal="iid",
        burn_in=500, replicas=4, exchange={"every": 1}, save={"observables": 2, "trajectories": 0}, progress=False,
    )  # fmt: skip
    assert tree["diagnostics"].sizes["beta"] == 5
    for axis in ("g", "beta"):
        assert float(tree[f"diagnostics/exchange_{axis}"].min()) > 0.1, "exchange takes part"
    J0, series = nsslib.couplings(2, gamma, seed, "iid"), tree["observables"].dataset
    z = []
    for gi in g:
        for b in beta:
            means, _ = exact_values(gi * J0, b, eta)
            z += [float(z_of(series[name].sel(g=gi, beta=b), means[name])) for name in ("q", "energy", "Y")]
    assert_normal(z, len(g) * len(beta))


def test_series_are_those_of_the_stored_trajectories():
    N, g, beta, gamma, eta = 12, [0.8, 1.4], [5.0, 50.0], -0.3, 0.05
    tree = nsslib.simulate(
        N, g, beta, gamma=gamma, eta=eta, seed=9, replicas=3, steps=200, burn_in=100,
        save={"observables": 2, "trajectories": 10}, progress=False,
    )  # fmt: skip
    J0 = nsslib.couplings(N, gamma, 9)
    x = tree["trajectories/x"].astype(float)
    f = np.tanh(x)
    v = x - x.g * xr.dot(f, xr.DataArray(J0, dims=("to", "unit")), dim="unit").rename(to="unit")
    series = tree["observables"].dataset.sel(draw=x["draw"])
    root = np.sqrt(x.beta)
    xr.testing.assert_allclose(series["q"].astype(float).drop_attrs(), (f * f).mean("unit"), rtol=1e-5)
    assert np.allclose(series["r"], (root * (v * f).mean("unit")).transpose(*series["r"].dims), atol=2e-5)
    assert np.allclose(series["Y"], (x.beta * (v * v).mean("unit") - 1).transpose(*series["Y"].dims), atol=5e-5)
    a, b = series["pair_a"].values, series["pair_b"].values
    Q = (f.isel(replica=a).values * f.isel(replica=b).values).mean(-1)
    assert np.allclose(series["Q"], Q, atol=1e-6)


def test_trapezoid_grid_of_the_reference_is_fine_enough():
    _, x, weight = boltzmann_grid(np.array([[1.7]]), 100.0, 0.02)
    _, coarse_x, coarse = boltzmann_grid(np.array([[1.7]]), 100.0, 0.02, points=400)
    fine = trapezoid(np.tanh(x[0]) ** 2 * weight, dx=1.0)
    assert fine == pytest.approx(trapezoid(np.tanh(coarse_x[0]) ** 2 * coarse, dx=1.0), rel=1e-8)
