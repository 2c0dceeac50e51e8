"""A task that nsslib has never heard of runs through the whole workflow, beside sampling."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

import nsslib
from nsslib.config.files import parse
from nsslib.grid.batch import batches
from nsslib.monitor.progress import Reporter
from nsslib.monitor.status import status
from nsslib.stages.compute import ensure_shard
from tests.workflow.test_workflow import snakemake

HERE = Path(__file__).parent
SWEEP = {
    "name": "little",
    "blocks": {
        "main": {
            "N": [4, 6],
            "g": [0.5, 1.0],
            "gamma": [0.0, 0.5],
            "seeds": 3,
            "task": {"toy_task:Norms": {"scale": 2.0}},
        }
    },
}


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """A working directory with the module of the task in it."""
    shutil.copy(HERE / "toy_task.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def norms(results):
    return xr.open_datatree(results / "norms.zarr", engine="zarr")


def assert_exact(table):
    for gamma in (0.0, 0.5):
        for N in (4, 6):
            squares = [2.0 * np.sum(nsslib.couplings(N, gamma, seed) ** 2) / N for seed in range(3)]
            expected = np.outer(np.array([0.5, 1.0]) ** 2, squares)
            values = table["per_seed/norm"].sel(gamma=gamma, N=N).transpose("g", "seed")
            np.testing.assert_allclose(values, expected, rtol=1e-12)
            np.testing.assert_allclose(table["norm"].sel(gamma=gamma, N=N), expected.mean(axis=1), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.heavy
def test_it_runs_through_the_workflow_and_is_not_computed_twice(directory):
    code, output = snakemake(directory, configs=(SWEEP,))
    assert code == 0, output
    results = directory / "results" / "little"
    assert_exact(norms(results))
    assert status(results).done == 12
    code, output = snakemake(directory, "--dry-run", configs=(SWEEP,))
    assert "Nothing to be done" in output


def test_it_resumes_from_its_checkpoint_and_gives_the_same_numbers(directory):
    config = parse(SWEEP)
    shard = batches(config)[0].shards[1]
    stops = iter([None, "enough for today"])
    with pytest.raises(nsslib.UserError, match="enough for today: stopped at row 2"):
        ensure_shard(shard, directory / "s.zarr", directory / "c.npz", Reporter(quiet=True), lambda: next(stops))
    ensure_shard(shard, directory / "s.zarr", directory / "c.npz", Reporter(quiet=True))
    found = xr.open_datatree(directory / "s.zarr", engine="zarr")
    expected = 2.0 * np.array([0.25, 1.0]) * np.sum(nsslib.couplings(4, 0.0, 1) ** 2) / 4
    np.testing.assert_allclose(found["norm"], expected, rtol=1e-13)


@pytest.mark.slow
def test_it_runs_without_snakemake_beside_a_block_that_is_sampled(directory, undrawn_sweep):
    sampled = {"N": [4, 6, 8], "g": [0.5, 1.0], "beta": [2.0, 5.0], "seeds": 2}
    sweep = SWEEP | {"blocks": SWEEP["blocks"] | {"sampled": sampled}, "sampler": {"burn_in": 60, "steps": 40}}
    results = undrawn_sweep(sweep, directory)
    assert_exact(norms(results))
    table = xr.open_datatree(results / "order_parameters.zarr", engine="zarr")
    assert dict(table.sizes) == {"gamma": 1, "N": 3, "g": 2, "beta": 2}


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        ({"toy_task:Norm": {}}, "toy_task:Norm: module 'toy_task' has no attribute 'Norm'"),
        ({"samplin": {}}, "unknown task 'samplin'; did you mean 'sampling'"),
        ({"json:loads": {}}, "json:loads: is no subclass of nsslib.grid.task.Task"),
    ],
    ids=str,
)
def test_a_task_that_is_none_never_starts(directory, task, sentence):
    bad = json.loads(json.dumps(SWEEP))
    bad["blocks"]["main"]["task"] = task
    (directory / "bad.yaml").write_text(yaml.safe_dump(bad))
    command = [sys.executable, "-c", "from nsslib.cli import main; main()", "plan", "bad.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr and len(done.stderr.strip().splitlines()) == 1
