"""log Z over the grid: exact where it is known, one value from many links, nan where no link leads."""

import numpy as np
import pytest
import xarray as xr

import nsslib
from nsslib.analysis.chains.free_energy import free_energy, log_z

G, BETA = np.array([0.5, 0.7, 0.9]), np.array([1.0, 2.0])


def diagnostics(values, noise=0.0, acceptance=0.5):
    """Diagnostics of a ladder whose links know the differences of `values` (g, beta) up to noise."""
    random = np.random.default_rng(0)
    along = {"beta": np.diff(values, axis=1), "g": np.diff(values, axis=0)}
    dims = {"beta": ("g", "beta_link"), "g": ("g_link", "beta")}
    data = {}
    for axis, difference in along.items():
        data[f"log_z_{axis}"] = (
            ("replica", *dims[axis]),
            difference + noise * random.normal(size=(2, *difference.shape)),
        )
        data[f"exchange_{axis}"] = (dims[axis], np.full(difference.shape, acceptance))
    visible = {"g_visible": ("g", [True, False, True]), "beta_visible": ("beta", [True, True])}
    return xr.Dataset(data | visible, {"g": G, "beta": BETA, "replica": [0, 1]})


def test_differences_that_agree_are_summed():
    values = np.array([[0.0, -3.0], [1.0, 5.0], [2.5, -4.0]])
    np.testing.assert_allclose(log_z(diagnostics(values)), [values, values], atol=1e-12)


def test_differences_that_disagree_are_reconciled():
    values = np.array([[0.0, -3.0], [1.0, 5.0], [2.5, -4.0]])
    found = log_z(diagnostics(values, noise=0.01))
    assert np.all(found.isel(g=0, beta=0) == 0.0)
    np.testing.assert_allclose(found, [values, values], atol=0.05)


def test_only_cells_that_links_lead_to_have_a_value():
    cut = diagnostics(np.zeros((3, 2)))
    cut["exchange_g"][1] = 0.0
    found = log_z(cut)
    assert np.isfinite(found.isel(g=[0, 1])).all()
    assert np.isnan(found.isel(g=2)).all()


def test_equipartition_and_the_cell_of_reference_are_taken_out():
    values = -0.5 * 10 * np.log(BETA) * np.ones((3, 1))
    table = free_energy(diagnostics(values), 10, 0.9, 2.0)
    np.testing.assert_allclose(table["log_z"], 0.0, atol=1e-12)
    assert table["log_z"].dims == ("g", "beta")
    np.testing.assert_array_equal(table["g"], [0.5, 0.9])
    assert np.isnan(free_energy(diagnostics(values), 10, 1.3, 2.0)["log_z"]).all()


@pytest.mark.slow
def test_a_linear_network_has_its_exact_free_energy():
    N, gamma, seed, g, beta = 24, 0.4, 3, [0.2, 0.4, 0.6], [1.0, 5.0]
    tree = nsslib.simulate(
        N, g, beta, gamma=gamma, seed=seed, phi="linear", steps=8000, replicas=8, eta=0.05, progress=False,
        save={"observables": 100, "trajectories": 0},
    )  # fmt: skip
    table = free_energy(tree["diagnostics"].to_dataset(), N, g[0], beta[0])
    J0, one = nsslib.couplings(N, gamma, seed), np.eye(N)
    exact = [-0.5 * np.linalg.slogdet((one - a * J0).T @ (one - a * J0) + 0.1 * one)[1] / N for a in g]
    z = (table["log_z"] - xr.DataArray(exact - exact[0], coords={"g": g})) / table["log_z_err"]
    assert np.abs(z).drop_sel(g=g[0]).max() < 5.0  # Student's t with 7 degrees of freedom
    assert float(table["log_z_err"].max()) < 2e-3
