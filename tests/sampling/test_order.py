"""The order in the step size of every scheme, measured, and in closed form where phi is linear."""

import numpy as np
import pytest
from scipy.stats import chi2

import nsslib
from nsslib.analysis.chains.order_parameters import with_derived
from nsslib.analysis.chains.statistics import chain_statistics
from nsslib.config.schema import Model, Sampler, Save
from nsslib.grid.sampling import Sampling
from nsslib.kernels.cpu import random
from nsslib.kernels.cpu.integrators import leapfrog
from nsslib.kernels.cpu.passes import hamiltonian, sums
from nsslib.sampling.ensemble import Ensemble
from nsslib.sampling.run import Run
from tests.sampling.exact_measure import z_of

ENERGY_ERROR = {
    "hmc": ({"sampler": "hmc"}, 2),
    "mala": ({"sampler": "mala"}, 3),
    "ghmc": ({"sampler": "ghmc"}, 3),
}
"""Metropolised samplers and the order of their rejections: 2 for trajectories of one length, 3 for one leapfrog."""


def order(steps, errors):
    """Exponent of the power law through errors > 0 at these step sizes."""
    return np.polyfit(np.log(steps), np.log(errors), 1)[0]


def fit(steps, values, errors, powers):
    """First coefficient of a fit by two powers of the step size, and its chi^2."""
    terms = steps[:, None] ** np.array(powers) / np.array(errors)[:, None]
    coefficients, rest, *_ = np.linalg.lstsq(terms, np.divide(values, errors), rcond=None)
    return coefficients[0], float(rest[0])


def hessian_eigenvalues(N, g):
    """Eigenvalues of the Hessian of E in a linear network on the couplings of seed 0."""
    residual = np.eye(N) - g * nsslib.couplings(N)
    return np.linalg.eigvalsh(residual.T @ residual)


def momenta(phi, g, dt, count, N=64, replicas=64):
    """Time averages of |P|^2 / N, one a chain, of BAOAB at beta = 10, in plain coordinates."""
    sampler = Sampler(
        integrator="baoab", friction=1.0, step_size=dt, burn_in=round(40 / dt), steps=count, replicas=replicas,
        precondition=False, exchange=None, save=Save(observables=count // 8, trajectories=0),
    )  # fmt: skip
    this, total = Run(Sampling("b", 0.0, N, 0, (g,), Model(phi=phi), (10.0,), sampler)), np.zeros(replicas)
    while this.t < this.total:
        this.step()
        if this.t > sampler.burn_in:
            total += np.mean(this.ensemble.backend.state()[1] ** 2, axis=-1)
    return total / count


def em_bias(dt):
    """Relative excess of <x.dE> over N/beta of Euler-Maruyama in a linear network."""
    tree = nsslib.simulate(
        64, 0.3, 10.0, phi="linear", sampler="euler-maruyama", step_size=dt, steps=round(600 / dt), burn_in=100,
        replicas=16, exchange=False, save={"observables": 2, "trajectories": 0}, progress=False,
    )  # fmt: skip
    return chain_statistics(tree["observables/virial"] - 1.0, ("replica", "draw"))


@pytest.mark.heavy
def test_euler_maruyama_is_biased_at_first_order():
    steps = np.array([0.1, 0.2, 0.4])
    found = [em_bias(dt) for dt in steps]
    bias = np.array([float(b["mean"].squeeze()) for b in found])
    assert bias[0] > 10 * float(found[0]["err"].squeeze())
    # <x.dE> beta / N = mean of 1 / (1 - dt lambda / 2) over the eigenvalues lambda of the Hessian.
    exact = [np.mean(1 / (1 - 0.5 * dt * hessian_eigenvalues(64, 0.3))) - 1 for dt in steps]
    np.testing.assert_allclose(bias, exact, rtol=0.1)
    assert order(steps, bias) == pytest.approx(order(steps, exact), abs=0.08)
    assert 0.9 < order(steps, bias) < 1.25


@pytest.mark.heavy
@pytest.mark.parametrize("dt", [0.4, 1.2])
def test_baoab_has_no_bias_of_positions_in_a_linear_network(dt):
    """Its stationary covariance is the exact one below the stability limit, 1.5 here."""
    tree = nsslib.simulate(
        64, 0.3, [1.0, 10.0], phi="linear", sampler="baoab", friction=1.0, step_size=dt, steps=round(2000 / dt),
        burn_in=100, replicas=16, exchange=False, save={"observables": 2, "trajectories": 0}, progress=False,
    )  # fmt: skip
    norm = np.mean(1 / hessian_eigenvalues(64, 0.3)) / np.array([1.0, 10.0])
    assert np.abs(z_of(tree["observables/virial"], 1.0)).max() < 4.0
    assert np.abs(z_of(tree["observables/l2"].squeeze("g"), norm)).max() < 4.0


@pytest.mark.heavy
def test_baoab_biases_momenta_of_a_linear_network_as_known_in_closed_form():
    """<p^2> beta = 1 - dt^2 lambda / 4 for each mode."""
    for dt in (0.3, 0.6, 1.2):
        found = momenta("linear", 0.3, dt, 3000)
        exact = 1 - 0.25 * dt**2 * np.mean(hessian_eigenvalues(64, 0.3))
        assert abs(found.mean() - exact) < 4.0 * found.std(ddof=1) / np.sqrt(len(found))


@pytest.mark.heavy
def test_baoab_biases_momenta_at_second_order():
    steps = np.array([0.1, 0.2, 0.4])
    found = [momenta("tanh", 1.5, dt, round(3000 / dt)) for dt in steps]
    bias = np.array([1.0 - f.mean() for f in found])
    assert bias[0] > 10 * found[0].std(ddof=1) / np.sqrt(len(found[0]))
    assert order(steps, bias) == pytest.approx(2.0, abs=0.1)


@pytest.mark.heavy
def test_baoab_biases_positions_at_second_order():
    """Excess of the configurational temperature; at steps where it is measurable, the next order, 4, adds to it."""
    steps = np.array([0.17, 0.24, 0.34])
    bias, errors = [], []
    for dt in steps:
        tree = nsslib.simulate(
            64, 2.5, [0.3, 0.4], sampler="baoab", friction=1.0, step_size=dt, steps=round(6000 / dt), burn_in=200,
            replicas=24, exchange=False, save={"observables": 4, "trajectories": 0}, progress=False,
        )  # fmt: skip
        found = chain_statistics(
            with_derived(tree["observables"].to_dataset().astype(float))["configurational"], ("replica", "draw")
        )
        bias.append(float(found["mean"].mean() - 1.0))
        errors.append(float(np.sqrt((found["err"] ** 2).mean() / 2)))
    assert bias[0] > 5 * errors[0]
    # bias = a dt^2 + b dt^4 fits, a dt + b dt^2 with a > 0, a scheme of first order, does not.
    second, rest = fit(steps, bias, errors, (2, 4))
    assert second > 0
    assert rest < chi2.isf(1e-3, 1)
    first, rest = fit(steps, bias, errors, (1, 2))
    assert first < 0 or rest > chi2.isf(1e-3, 1)


def test_leapfrog_conserves_energy_to_second_order():
    shard = Sampling("b", 0.2, 20, 0, (0.8, 1.2), Model(eta=0.02), (4.0, 40.0), Sampler(exchange=None))
    errors = []
    for count in (8, 16, 32):
        backend = Ensemble(shard).backend
        network, chains = backend.network, backend.chains
        backend.load(0.5 * np.random.default_rng(1).normal(size=(8, 20)))
        random.normals(chains.P, 20, backend.key, random.MOMENTA, 1, chains.name)
        before, after = np.empty_like(chains.g), np.empty_like(chains.g)
        hamiltonian(network, chains, before)
        leapfrog(network, chains, backend.scratch, np.full_like(chains.g, 1.6 / count), count)
        sums(network, chains)
        hamiltonian(network, chains, after)
        errors.append(np.sqrt(np.mean(((after - before) / chains.beta).ravel()[:8] ** 2)))
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    np.testing.assert_allclose(orders, 2.0, atol=0.15)


@pytest.mark.heavy
@pytest.mark.parametrize("sampler", ENERGY_ERROR)
def test_metropolised_samplers_reject_by_the_order_of_their_energy_error(sampler):
    """In stationarity 1 - acceptance = <|dH|> / 2: order 3 for one leapfrog, 2 at one length of trajectory."""
    settings, expected = ENERGY_ERROR[sampler]
    steps, rejected = np.array([0.05, 0.1, 0.2]), []
    for eps in steps:
        hmc = settings["sampler"] == "hmc"
        count = {"n_leapfrog": round(2 / eps), "steps": 400} if hmc else {"steps": round(400 / eps)}
        tree = nsslib.simulate(
            32, [0.8, 1.3], [5.0, 50.0], **settings, **count, step_size=eps, burn_in=count["steps"] // 4, replicas=8,
            exchange=False, save={"observables": 30, "trajectories": 0}, progress=False,
        )  # fmt: skip
        rejected.append(float((1.0 - tree["diagnostics/acceptance"]).mean()))
    assert order(steps, rejected) == pytest.approx(expected, abs=0.15)
