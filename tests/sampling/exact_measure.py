"""What the tests of exactness share: the exact samplers, integrals of exp(-beta E), z-scores."""

import numpy as np
from scipy.stats import chi2, norm

from nsslib.analysis.chains.statistics import chain_statistics
from nsslib.config.schema import Sampler
from nsslib.model import estimators, quasipotential

EXACT = {
    "hmc": {"sampler": "hmc"},
    "hmc, plain": {"sampler": "hmc", "n_leapfrog": 10, "precondition": False},
    "mala": {"sampler": "mala"},
    "ghmc": {"sampler": "ghmc"},
    "ghmc, step 0.2": {"sampler": "ghmc", "step_size": 0.2},
    "ghmc, step 0.5": {"sampler": "ghmc", "step_size": 0.5},
}
"""Every sampler that must be exact, by name: arguments of `nsslib.simulate`."""

FORCES = 60_000
"""Force evaluations of a chain that make its errors small enough to see a wrong measure, N <= 2."""


def steps_of(settings, forces=FORCES):
    """Steps of a sampler for so many force evaluations."""
    return forces // settings.get("n_leapfrog", Sampler().n_leapfrog if settings["sampler"] == "hmc" else 1)


def z_of(series, expected, dims=("replica", "draw")):
    """Distance of a mean from its exact value, in its own standard error."""
    found = chain_statistics(series, dims)
    return ((found["mean"] - expected) / found["err"]).values


def assert_normal(z, independent):
    """Fail, once in a few hundred tests, z-scores that are standard normal, `independent` of them independent."""
    assert np.max(np.abs(z)) < norm.isf(0.5e-3 / np.size(z))
    low, high = chi2.ppf([1e-3, 1.0 - 1e-3], independent) / independent
    assert low < np.mean(np.square(z)) < high


def boltzmann_grid(J, beta, eta, width=10.0, points=1201):
    """States (N, P) on a grid of the plane or the line, and their Boltzmann weights (P,)."""
    N = len(J)
    line = np.linspace(-width, width, points if N == 2 else 20 * points)
    x = np.array(np.meshgrid(*[line] * N, indexing="ij")).reshape(N, -1)
    log_weight = -beta * quasipotential.energy(x, J, eta=eta)
    weight = np.exp(log_weight - log_weight.max())
    return line, x, weight / weight.sum()


def exact_values(J, beta, eta):
    """Order parameters of one cell, and the edges of 12 equally likely bins of x_0, by quadrature."""
    line, x, weight = boltzmann_grid(J, beta, eta)
    v, f = quasipotential.residual(x, J), np.tanh(x)
    values = estimators.single(
        x.T,
        v.T,
        f.T,
        quasipotential.gradient(x, J, eta=eta).T,
        quasipotential.laplacian(x, J, eta=eta),
        np.array(beta),
        eta,
    )
    means = {name: float(np.sum(weight * value)) for name, value in values.items()}
    marginal = weight.reshape([len(line)] * len(J)).sum(axis=tuple(range(1, len(J))))
    cumulative = np.concatenate([[0.0], np.cumsum(marginal)])
    edges = np.interp(np.linspace(0, 1, 13)[1:-1], cumulative[1:], line + 0.5 * (line[1] - line[0]))
    return means, edges
