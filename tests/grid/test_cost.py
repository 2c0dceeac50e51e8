"""Formulas that jobs ask for memory and time by: monotonous, generous, and light to import."""

import subprocess
import sys

import pytest

from nsslib.config.files import parse
from nsslib.grid import cost
from nsslib.grid.batch import batches

HEAVY = ("numba", "numpy", "xarray", "zarr")


def batch(seeds=2, steps=2000, **block):
    data = {
        "name": "test",
        "blocks": {"main": {"N": [512], "g": [0.5, 1.0], "beta": [2.0, 5.0], "seeds": seeds} | block},
        "sampler": {"steps": steps},
    }
    return batches(parse(data))[0]


def test_parsing_a_workflow_imports_nothing_heavy():
    names = "nsslib.config.files, nsslib.grid.cost, nsslib.report.catalogue, nsslib.grid.batch"
    code = f"import sys, {names}; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("formula", [cost.job_megabytes, cost.job_minutes])
def test_a_retry_asks_for_more(formula):
    first = formula(batch())
    assert [formula(batch(), attempt) for attempt in (1, 2, 3)] == [first, 2 * first, 3 * first]


@pytest.mark.parametrize("more", [{"N": [4096]}, {"beta": [2.0, 500.0]}, {"steps": 2_000_000}], ids=str)
def test_larger_shards_ask_for_more(more):
    assert cost.job_megabytes(batch(**more)) > cost.job_megabytes(batch())
    assert cost.job_minutes(batch(**more)) > cost.job_minutes(batch())


def test_a_job_lasts_as_long_as_its_shards_one_after_another():
    one, many = (batch(seeds, steps=20_000, N=[64]) for seeds in (1, 2))
    assert len(many.shards) == 2 and one.shards[0].seconds() == many.shards[1].seconds()
    longer = 60 * (cost.job_minutes(many) - cost.job_minutes(one))
    assert longer >= 60
    assert abs(longer - one.shards[0].seconds()) < 60


def test_memory_counts_the_couplings_and_the_series():
    J = 8 * 4096**2
    assert cost.memory(batch(N=[4096]).shards[0]) > 2 * J
    series = 8 * 1_000_000 * 4 * (8 * 2 + 3)
    assert cost.memory(batch(steps=2_000_000).shards[0]) > 2 * series


def test_reducing_a_sweep_grows_with_its_shards():
    def sweep(seeds):
        return parse({"name": "s", "blocks": {"main": {"N": [8], "g": [1.0], "beta": [2.0], "seeds": seeds}}})

    for formula in (cost.reduce_megabytes, cost.reduce_minutes):
        assert formula(sweep(100_000)) > formula(sweep(1))
        assert formula(sweep(1), 2) == 2 * formula(sweep(1))
