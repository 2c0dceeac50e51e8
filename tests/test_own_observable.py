"""An observable of the user's own goes all the way: recorded, reduced with its errors, drawn."""

import textwrap

import numpy as np
import pytest
import xarray as xr

import nsslib
from nsslib.config.files import parse
from nsslib.model.observables import resolve

MODULE = """
    import nsslib

    @nsslib.observable(words="kurtosis", estimator="<x^4> / <x^2>^2 over units", symbol=r"\\\\kappa")
    def kurtosis(x, J0, g):
        return (x**4).mean(-1) / (x**2).mean(-1) ** 2

    @nsslib.observable(words="drift of the first unit", estimator="dx_1/dt", symbol="v_1", drawn=False)
    def first_drift(x, J0, g):
        return (g[..., None] * (nsslib_tanh(x) @ J0.T))[..., 0] - x[..., 0]

    from numpy import tanh as nsslib_tanh
"""
SWEEP = {
    "name": "own",
    "blocks": {"main": {"N": [4, 6, 8], "g": [0.5, 1.0], "beta": [2.0, 5.0], "seeds": 2}},
    "sampler": {"burn_in": 60, "steps": 60, "save": {"observables": 2, "trajectories": 4}},
    "observables": ["own_module:kurtosis", "own_module:first_drift"],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    directory = tmp_path_factory.mktemp("own")
    (directory / "own_module.py").write_text(textwrap.dedent(MODULE).replace("\\\\\\\\", "\\\\"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        patch.syspath_prepend(directory)
        yield nsslib.run_sweep(SWEEP, directory=directory)


def test_it_is_recorded_from_the_states_that_are_saved(results):
    shard = nsslib.open_results(results)["shards/main/gamma=0/N=6/seed=1"]
    x = shard["trajectories/x"]
    series = shard["observables/kurtosis"].sel(draw=x["draw"])
    np.testing.assert_allclose(series, (x**4).mean("unit") / (x**2).mean("unit") ** 2, rtol=1e-4)
    J0 = nsslib.couplings(6, seed=1)
    drift = nsslib.drift(x.isel(draw=3, replica=1, g=1, beta=0).values, 1.0 * J0)[0]
    first = shard["observables/first_drift"].sel(draw=x["draw"]).isel(draw=3, replica=1, g=1, beta=0)
    assert float(first) == pytest.approx(drift, rel=1e-4)
    assert series.attrs["long_name"] == "kurtosis"


def test_it_is_reduced_with_diagnostics_and_errors_on_two_levels(results):
    table = xr.open_datatree(results / "order_parameters.zarr", engine="zarr")
    for name in ("kurtosis", "first_drift"):
        for suffix in ("", "_err", "_err_thermal", "_err_disorder", "_ess", "_tau", "_rhat"):
            assert np.isfinite(table[f"{name}{suffix}"]).all(), suffix
        assert table[name].attrs["units"] == "1"
        assert np.isfinite(table[f"per_seed/{name}_ess"]).all()


def test_it_is_drawn_in_a_row_of_its_own_if_it_asks_for_that(results):
    page = (results / "figures/order-parameters/gamma=0.svg").read_text()
    assert "kurtosis" in page
    assert "drift of the first unit" not in page


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("no_module:f", "observables: no_module:f: No module named 'no_module'"),
        ("json:loads", "observables: json:loads: is no observable; decorate it with nsslib.observable"),
        ("json:nothing", "has no attribute 'nothing'"),
    ],
)
def test_what_is_no_observable_is_named(path, sentence):
    with pytest.raises(nsslib.UserError, match=sentence):
        resolve([path])


def test_a_path_without_a_function_is_no_valid_config():
    with pytest.raises(nsslib.UserError, match=r"observables\.0: 'mine'"):
        parse(SWEEP | {"observables": ["mine"]})


def test_a_name_of_the_library_cannot_be_taken():
    with pytest.raises(nsslib.UserError, match="'q' is no identifier, or the name of an observable of nsslib"):
        nsslib.observable(name="q", words="mine", estimator="", symbol="q")(lambda x, J0, g: x[..., 0])


def test_a_wrong_shape_is_named(tmp_path, monkeypatch):
    (tmp_path / "wrong_shape.py").write_text(
        "import nsslib\n@nsslib.observable(words='w', estimator='e', symbol='s')\ndef units(x, J0, g):\n    return x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(nsslib.UserError, match=r"observable units: returns shape .*give \(replica, g, beta\)"):
        nsslib.run_sweep(SWEEP | {"name": "bad", "observables": ["wrong_shape:units"]}, directory=tmp_path)
