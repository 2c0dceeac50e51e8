"""Convergence as a result: the criteria say which share of the samples passes, beta_max how far all cells do."""

import numpy as np
import pytest
import xarray as xr

from nsslib.analysis.chains.convergence import AXES, convergence, shard_round_trips
from nsslib.config.schema import Convergence
from nsslib.model.observables import names
from nsslib.report.overview import beta_table
from nsslib.sampling.dataset import to_tree
from nsslib.sampling.run import run
from nsslib.storage import store
from tests.analysis.synthetic import DIMS, tables

LIMITS = Convergence(rhat=1.05, ess=50.0, cold_hot=4.0, share=0.9)


def samples(shape, **values):
    """(table, per seed) of the given lengths of DIMS; what is not given passes every limit."""
    good = {f"{name}_rhat": 1.0 for name in names("diagnosed")} | {f"{name}_ess": 500.0 for name in names("diagnosed")}
    good |= {"q_cold_hot": 1.0, "converged": 1.0, "round_trips_beta": 2.0, "round_trips_g": 3.0}
    coords = {d: np.arange(1.0, n + 1.0) for d, n in zip(DIMS, shape, strict=True)}
    return tables(coords | {"N": np.arange(1, shape[1] + 1)}, **(good | values))


def shares(seeds, limits):
    """Share of the samples of every cell that pass each criterion alone."""
    passed = {
        "rhat": (seeds[[f"{name}_rhat" for name in names("diagnosed")]].to_dataarray() <= limits.rhat).all("variable"),
        "ess": (seeds[[f"{name}_ess" for name in names("diagnosed")]].to_dataarray() >= limits.ess).all("variable"),
        "cold_hot": seeds["q_cold_hot"] <= limits.cold_hot,
    }
    return {k: v.astype(float).where(seeds["converged"].notnull()).mean("seed") for k, v in passed.items()}


@pytest.mark.parametrize("share", [0.01, 0.07, 0.3, 0.5, 0.7, 0.9, 1.0])
def test_a_value_is_within_its_limit_where_the_wanted_share_of_the_samples_is_and_nowhere_else(share):
    """With ties at the limit, samples that are absent, samples without a value and cells without samples."""
    rng, shape = np.random.default_rng(0), (1, 1, 60, 10, 10)
    pick = {"rhat": (1.0, 1.05, 1.2, np.nan), "ess": (500.0, 50.0, 10.0, np.nan), "q_cold_hot": (1.0, 4.0, 9.0, np.nan)}
    odds = rng.dirichlet((4.0, 2.0, 2.0, 0.5), 60)
    named = {f"{name}_{key}": key for name in names("diagnosed") for key in ("rhat", "ess")} | {
        "q_cold_hot": "q_cold_hot"
    }
    values = {
        name: np.stack([rng.choice(pick[key], shape[3:], p=p) for p in odds])[None, None] for name, key in named.items()
    }
    table, seeds = samples(shape, **values)
    seeds = seeds.where(xr.DataArray(rng.random(shape) < rng.random((60, 1, 1)), dims=DIMS))
    limits = LIMITS.model_copy(update={"share": share})
    found = convergence(table, seeds, limits)
    within = {
        "rhat": found["rhat"] <= limits.rhat, "ess": found["ess"] >= limits.ess, "cold_hot": found["cold_hot"] <= 4.0
    }  # fmt: skip
    for name, wanted in shares(seeds, limits).items():
        assert (within[name] == (wanted >= share)).all(), name
        assert 0 < int(within[name].sum()) < within[name].size


def test_a_share_that_rounds_in_floating_point_counts_samples_as_the_tables_do():
    """0.07 of 100 samples are 7, though 0.07 times 100 exceeds 7 in floating-point numbers."""
    for passing in (6, 7):
        table, seeds = samples((1, 1, 1, 1, 100), q_cold_hot=np.where(np.arange(100) < passing, 1.0, 9.0))
        found = convergence(table, seeds, LIMITS.model_copy(update={"share": 0.07}))
        assert found["cold_hot"].item() == (1.0 if passing == 7 else 9.0)


def test_the_value_is_that_of_the_worst_sample_that_still_counts():
    many = np.arange(1.0, 11.0)
    table, seeds = samples((1, 1, 1, 1, 10), q_cold_hot=many, r_ess=100.0 * many, Q_abs_rhat=1.0 + many / 100.0)
    found = convergence(table, seeds, LIMITS).squeeze()
    assert [float(found[k]) for k in ("cold_hot", "ess", "rhat")] == pytest.approx([9.0, 200.0, 1.09])
    assert float(convergence(table, seeds, LIMITS.model_copy(update={"share": 1.0}))["cold_hot"].squeeze()) == 10.0


def test_the_largest_beta_is_that_before_the_first_cell_which_is_not_converged():
    table, seeds = samples((1, 1, 4, 4, 2))
    table["converged"][0, 0] = [[1, 1, 1, 1], [1, 1, 0, 1], [0, 1, 1, 1], [1, 0, 1, 1]]
    found = convergence(table, seeds, LIMITS).squeeze()
    np.testing.assert_array_equal(found["beta_max"], [4.0, 2.0, np.nan, 1.0])
    assert (found["beta_sampled"] == 4.0).all()


def test_cells_that_were_not_sampled_do_not_end_the_converged_ones():
    table, seeds = samples((1, 1, 3, 4, 2))
    sampled = xr.DataArray([[[[0, 1, 0, 1], [1, 1, 0, 0], [0, 0, 0, 0]]]], dims=DIMS[:-1]) > 0
    seeds, table = seeds.where(sampled), table.where(sampled, 0.0)
    found = convergence(table, seeds, LIMITS).squeeze()
    np.testing.assert_array_equal(found["beta_max"], [4.0, 2.0, np.nan])
    np.testing.assert_array_equal(found["beta_sampled"], [4.0, 2.0, np.nan])
    assert found["rhat"].isnull().sum() == 8


def test_round_trips_are_the_median_over_samples_that_exchanged():
    trips = np.array([1.0, 2.0, 9.0, np.nan])
    table, seeds = samples((1, 1, 1, 2, 4), round_trips_beta=trips, round_trips_g=np.nan)
    found = convergence(table, seeds, LIMITS)
    assert (found["round_trips_beta"] == 2.0).all() and found["round_trips_g"].isnull().all()


EXCHANGES = {
    "both": ({}, (True, True)),
    "beta": ({"g": False}, (True, False)),
    "g": ({"beta": False}, (False, True)),
    "none": (False, (False, False)),
}


@pytest.mark.parametrize(("exchange", "tried"), EXCHANGES.values(), ids=EXCHANGES)
def test_round_trips_of_a_shard_are_the_mean_over_its_chains_where_it_exchanged(make_shard, exchange, tried):
    shard = make_shard(sampler={"exchange": exchange, "steps": 200})
    diagnostics = to_tree(shard, run(shard))["diagnostics"].to_dataset()
    found = shard_round_trips(diagnostics)
    for k, axis in enumerate(AXES):
        values = found[f"round_trips_{axis}"]
        assert values.dims == ("g", "beta") and values.shape == (2, 2), "intermediate columns are left out"
        expected = float(diagnostics["round_trips"][k].mean()) if tried[k] else np.nan
        assert not tried[k] or expected > 0.0
        np.testing.assert_array_equal(values, np.full((2, 2), expected))


def test_an_axis_of_one_value_has_no_round_trips(make_shard):
    shard = make_shard(g=[0.5])
    found = shard_round_trips(to_tree(shard, run(shard))["diagnostics"].to_dataset())
    assert found["round_trips_g"].isnull().all() and found["round_trips_beta"].notnull().all()


def test_the_table_in_plain_text_has_a_row_for_every_size():
    table, seeds = samples((1, 2, 3, 2, 2))
    table["converged"][0, 1] = [[1, 1], [1, 0], [0, 0]]
    found = convergence(table, seeds, LIMITS).isel(gamma=0)
    assert beta_table(found) == [[r"N \ g", "1", "2", "3"], ["1", "2", "2", "2"], ["2", "2", "1", "-"]]


def test_the_table_in_plain_text_leaves_out_what_was_not_sampled():
    table, seeds = samples((1, 2, 3, 2, 2))
    seeds["converged"][0, 1, 1] = seeds["converged"][0, :, 2] = np.nan
    found = convergence(table, seeds, LIMITS).isel(gamma=0)
    assert beta_table(found) == [[r"N \ g", "1", "2"], ["1", "2", "2"], ["2", "2", ""]]
    assert beta_table(found.isel(N=[1])) == [[r"N \ g", "1"], ["2", "2"]]


def test_a_sweep_publishes_its_convergence(tiny_sweep):
    config, results = tiny_sweep
    found, table, seeds = (store.read_table(results, "order_parameters", k) for k in ("convergence", "/", "per_seed"))
    xr.testing.assert_identical(found, convergence(table, seeds, config.convergence))
    assert found["rhat"].dims == DIMS[:-1] and found["beta_max"].dims == DIMS[:-2]
    assert all(v.attrs["long_name"] and v.attrs["units"] == "1" for v in found.data_vars.values())
    for axis in AXES:
        trips = seeds[f"round_trips_{axis}"]
        assert (trips == trips.isel(g=0, beta=0)).all() and (trips > 0.0).any()
        assert trips.attrs["long_name"]
