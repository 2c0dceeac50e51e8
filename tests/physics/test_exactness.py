"""The samplers draw from exp(-beta E): exact integrals, exact covariances, exact identities."""

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import trapezoid

import nsslib
from nsslib import model, observables
from nsslib.analysis.order_parameters import derived
from nsslib.analysis.statistics import chain_statistics

EXACT = ("hmc", "mala", "ghmc")
FEW = {"save": {"observables": 1, "trajectories": 1}, "progress": False}


def z_of(series, expected, dims=("replica", "draw")):
    """Distance of a mean from its exact value, in its own standard error."""
    found = chain_statistics(series, dims)
    return ((found["mean"] - expected) / found["err"]).values


def boltzmann_grid(J, beta, eta, width=6.0, points=801):
    """States (N, P) on a grid of the plane or the line, and their Boltzmann weights (P,)."""
    N = len(J)
    line = np.linspace(-width, width, points if N == 2 else 20 * points)
    x = np.array(np.meshgrid(*[line] * N, indexing="ij")).reshape(N, -1)
    log_weight = -beta * model.energy(x, J, eta=eta)
    weight = np.exp(log_weight - log_weight.max())
    return line, x, weight / weight.sum()


def exact_values(J, beta, eta):
    """Order parameters of one cell, and the probabilities of x_0 on 12 bins, by quadrature."""
    line, x, weight = boltzmann_grid(J, beta, eta)
    v, f = model.velocity(x, J), np.tanh(x)
    values = observables.single(
        x.T, v.T, f.T, model.gradient(x, J, eta=eta).T, model.laplacian(x, J, eta=eta), np.array(beta), eta
    )
    means = {name: float(np.sum(weight * value)) for name, value in values.items()}
    marginal = weight.reshape([len(line)] * len(J)).sum(axis=tuple(range(1, len(J))))
    cumulative = np.concatenate([[0.0], np.cumsum(marginal)])
    edges = np.interp(np.linspace(0, 1, 13)[1:-1], cumulative[1:], line + 0.5 * (line[1] - line[0]))
    return means, edges


@pytest.mark.slow
@pytest.mark.parametrize("sampler", EXACT)
@pytest.mark.parametrize("N", [1, 2])
def test_moments_and_histogram_agree_with_the_exact_integral(N, sampler):
    g, beta, gamma, eta, seed = [0.5, 1.5, 2.5], [1.0, 10.0, 100.0], 0.5, 0.02, 5
    steps = {"hmc": 6000, "mala": 40_000, "ghmc": 40_000}[sampler]
    tree = nsslib.simulate(
        N, g, beta, gamma=gamma, eta=eta, seed=seed, sampler=sampler, steps=steps, diagonal="iid", burn_in=500,
        replicas=4, save={"observables": 4, "trajectories": 4}, progress=False,
    )  # fmt: skip
    J0 = nsslib.couplings(N, gamma, seed, "iid")
    series, x = tree["observables"].dataset, tree["trajectories/x"]
    worst = []
    for gi in g:
        for b in beta:
            means, edges = exact_values(gi * J0, b, eta)
            cell = {"g": gi, "beta": b}
            worst += [float(z_of(series[name].sel(cell), means[name])) for name in ("q", "l2", "r", "Y", "virial")]
            # Equally likely bins of x_0; E is even, so both signs are there only if wells exchange.
            bins = xr.apply_ufunc(lambda a, e=edges: np.searchsorted(e, a), x.sel(cell).isel(unit=0))
            worst += [float(z_of((bins == k).astype(float), 1 / 12)) for k in range(12)]
    # 153 z-scores a case: the largest of so many normal numbers is below 4.5 (p = 0.001).
    assert np.max(np.abs(worst)) < 4.5
    assert 0.7 < np.std(worst) < 1.3


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
    steps = 1000 if sampler == "hmc" else 6000
    tree = nsslib.simulate(
        24, [0.8, 1.3], [5.0, 50.0], gamma=0.3, eta=0.01, seed=1, sampler=sampler, steps=steps, replicas=4, burn_in=300,
        precision=precision, save={"observables": 2, "trajectories": 0}, progress=False,
    )  # fmt: skip
    series = derived(tree["observables"].to_dataset().astype(float))
    for name in ("virial", "configurational"):
        assert np.abs(z_of(series[name], 1.0)).max() < 4.0, name


def em_bias(dt):
    """Relative excess of <x.dE> over N/beta of Euler-Maruyama in a linear network."""
    tree = nsslib.simulate(
        64, 0.3, 10.0, phi="linear", sampler="euler-maruyama", step_size=dt, steps=round(600 / dt), burn_in=100,
        replicas=16, exchange=False, save={"observables": 2, "trajectories": 0}, progress=False,
    )  # fmt: skip
    return chain_statistics(tree["observables/virial"] - 1.0, ("replica", "draw"))


def test_euler_maruyama_is_biased_at_first_order():
    steps = np.array([0.1, 0.2, 0.4])
    found = [em_bias(dt) for dt in steps]
    bias = np.array([float(b["mean"].squeeze()) for b in found])
    assert bias[0] > 10 * float(found[0]["err"].squeeze())
    # <x.dE> beta / N = mean of 1 / (1 - dt lambda / 2) over the eigenvalues lambda of the Hessian.
    J = 0.3 * nsslib.couplings(64)
    eigenvalues = np.linalg.eigvalsh((np.eye(64) - J).T @ (np.eye(64) - J))
    exact = [np.mean(1 / (1 - 0.5 * dt * eigenvalues)) - 1 for dt in steps]
    np.testing.assert_allclose(bias, exact, rtol=0.1)
    order = np.polyfit(np.log(steps), np.log(bias), 1)[0]
    assert order == pytest.approx(np.polyfit(np.log(steps), np.log(exact), 1)[0], abs=0.08)
    assert 0.9 < order < 1.25


def test_leapfrog_conserves_energy_to_second_order():
    from nsslib.grid import Shard
    from nsslib.sampling import rng
    from nsslib.sampling.ensemble import Ensemble
    from nsslib.sampling.integrators import leapfrog
    from nsslib.sampling.kernels import hamiltonian, sums

    shard = Shard("b", 0.2, 20, 0, (0.8, 1.2), (4.0, 40.0), model_of(), sampler_of())
    errors = []
    for count in (8, 16, 32):
        ensemble = Ensemble(shard)
        network, chains = ensemble.network, ensemble.chains
        ensemble.place(0.5 * np.random.default_rng(1).normal(size=(8, 20)))
        rng.normals(chains.P, 20, ensemble.key, rng.MOMENTA, 1)
        before, after = np.empty_like(chains.g), np.empty_like(chains.g)
        hamiltonian(network, chains, before)
        leapfrog(network, chains, ensemble.scratch, np.full_like(chains.g, 1.6 / count), count)
        sums(network, chains)
        hamiltonian(network, chains, after)
        errors.append(np.sqrt(np.mean(((after - before) / chains.beta).ravel()[:8] ** 2)))
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    np.testing.assert_allclose(orders, 2.0, atol=0.15)


def model_of():
    from nsslib.config import Model

    return Model(eta=0.02)


def sampler_of():
    from nsslib.config import Sampler

    return Sampler(exchange=None)


@pytest.mark.slow
def test_exchange_keeps_the_distribution_of_every_column():
    g, beta = [0.7, 0.9, 1.1], [3.0, 6.0, 12.0]
    arguments = {"seed": 2, "replicas": 4, "burn_in": 500, "steps": 6000, "leapfrogs": 12, "progress": False}
    arguments["save"] = {"observables": 2, "trajectories": 0}
    apart, together = (
        nsslib.simulate(16, g, beta, exchange=exchange, **arguments)["observables"].dataset
        for exchange in (False, {"every": 1})
    )
    z = []
    for name in ("q", "l2", "r", "Y"):
        a, b = (chain_statistics(s[name], ("replica", "draw")) for s in (apart, together))
        z.append(((a["mean"] - b["mean"]) / np.hypot(a["err"], b["err"])).values)
        # The same share of draws in every decile of the unexchanged run.
        cuts = apart[name].quantile(np.linspace(0.1, 0.9, 9), ("replica", "draw"))
        below = (together[name] < cuts).astype(float), (apart[name] < cuts).astype(float)
        shares = [chain_statistics(s, ("replica", "draw")) for s in below]
        z.append(
            ((shares[0]["mean"] - shares[1]["mean"]) / np.hypot(shares[0]["err"], shares[1]["err"])).values.ravel()
        )
    z = np.concatenate([np.ravel(v) for v in z])
    assert np.abs(z).max() < 4.5
    assert np.std(z) < 1.3


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
