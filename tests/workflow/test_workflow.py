"""The workflow as a user runs it: one command, nothing twice, tables that open with plain xarray."""

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
from nsslib.report.catalogue import figures

ROOT = Path(__file__).resolve().parents[2]
SWEEP = {
    "name": "little",
    "blocks": {"main": {"N": [4, 6, 8], "g": [0.7, 1.2], "beta": [3.0, 12.0], "seeds": [0, 1]}},
    "sampler": {"burn_in": 60, "steps": 80, "leapfrogs": 4, "save": {"observables": 2, "trajectories": 20}},
}
TABLE = "results/little/order_parameters.zarr"
FIGURES = len(figures(parse(SWEEP)))

pytestmark = pytest.mark.slow


def snakemake(directory, *options, config=SWEEP):
    """Run Snakemake on a config in a directory; returns its output."""
    path = directory / "sweep.yaml"
    path.write_text(yaml.safe_dump(config))
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", directory,
         "--profile", ROOT / "profiles" / "local", "--cores", "2", *options, "--configfile", path],
        capture_output=True, text=True, cwd=directory, timeout=500, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def ran(output):
    """Rules of the job statistics, by name."""
    lines = output.split("Job stats:")[1].split("total")[0].splitlines()
    return {line.split()[0]: int(line.split()[1]) for line in lines if line.strip() and line.split()[-1].isdigit()}


def stamps(directory):
    """When every store was sealed."""
    return {p: p.stat().st_mtime_ns for p in (directory / "results/little/shards").rglob("seed=*.zarr/zarr.json")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("workflow")
    code, output = snakemake(directory)
    assert code == 0, output
    return directory


def test_results_are_those_of_the_contract(finished):
    results = finished / "results" / "little"
    for name in ("order_parameters.zarr", "theory.zarr", "fits.zarr", "config.json"):
        assert (results / name).exists()
    assert len(list((results / "shards/main/gamma=0").glob("N=*/seed=*.zarr"))) == 6
    assert not list(results.rglob("*.partial"))
    for suffix in ("png", "svg"):
        assert len(list((results / "figures").rglob(f"*.{suffix}"))) == FIGURES
    log = next((finished / "logs/little/sample").rglob("*.log")).read_text()
    assert "step 140 of 140" in log


def test_nothing_to_do_after_a_run(finished):
    code, output = snakemake(finished, "--dry-run")
    assert code == 0
    assert "Nothing to be done" in output


def test_two_more_seeds_run_only_what_is_needed(finished):
    more = json.loads(json.dumps(SWEEP))
    more["blocks"]["main"]["seeds"] = [0, 1, 100, 101]
    before = stamps(finished)
    code, output = snakemake(finished, config=more)
    assert code == 0, output
    once = dict.fromkeys(("sweep", "record_config", "reduce", "fit", "overview"), 1)
    assert ran(output) == once | {"sample": 3, "figure": FIGURES}
    assert before.items() <= stamps(finished).items()
    table = xr.open_datatree(finished / "results/little/order_parameters.zarr", engine="zarr")
    assert (table["n_seeds"] == 4).all()
    # Fewer seeds: the tables shrink, the stores stay.
    before = stamps(finished)
    code, output = snakemake(finished)
    assert code == 0, output
    assert "sample" not in ran(output)
    assert stamps(finished) == before and len(before) == 12
    table = xr.open_datatree(finished / "results/little/order_parameters.zarr", engine="zarr")
    assert (table["n_seeds"] == 2).all() and table["per_seed"].sizes["seed"] == 2


def test_another_size_and_another_block_leave_what_exists_alone(finished, tmp_path):
    directory = Path(shutil.copytree(finished, tmp_path / "copy"))
    more = json.loads(json.dumps(SWEEP))
    more["blocks"]["main"]["N"] = [4, 6, 8, 10]
    more["blocks"]["strong"] = more["blocks"]["main"] | {"N": [4], "g": [1.5, 1.6]}
    before = stamps(directory)
    code, output = snakemake(directory, TABLE, config=more)
    assert code == 0, output
    assert ran(output) == {"record_config": 1, "sample": 2, "reduce": 1}
    after = stamps(directory)
    assert before.items() <= after.items()
    new = {p.parent.relative_to(directory / "results/little/shards").as_posix() for p in after.keys() - before.keys()}
    places = ("main/gamma=0/N=10", "strong/gamma=0/N=4")
    assert new == {f"{place}/seed={seed}.zarr" for place in places for seed in (0, 1)}
    table = xr.open_datatree(directory / TABLE, engine="zarr")
    assert int(table["n_seeds"].sel(gamma=0, N=4, g=1.6, beta=3.0)) == 2


def test_a_longer_budget_goes_on_from_what_exists(finished, tmp_path):
    directory = Path(shutil.copytree(finished, tmp_path / "copy"))
    more = json.loads(json.dumps(SWEEP))
    more["sampler"]["steps"] = 120
    code, output = snakemake(directory, TABLE, config=more)
    assert code == 0, output
    logs = [p.read_text() for p in (directory / "logs/little/sample").rglob("seeds=0-*.log")]
    assert sum(log.count("goes on at step 140 of 180 from a shorter run") == 2 for log in logs) == 3


def test_a_copy_without_the_records_of_snakemake_is_extended_at_once(finished, tmp_path):
    directory = Path(shutil.copytree(finished, tmp_path / "copy", ignore=shutil.ignore_patterns(".snakemake")))
    code, output = snakemake(directory, "--dry-run")
    assert code == 0 and "Nothing to be done" in output
    more = json.loads(json.dumps(SWEEP))
    more["blocks"]["main"] |= {"seeds": [0, 1, 2], "N": [4, 6]}
    more["blocks"]["reciprocal"] = more["blocks"]["main"] | {"gamma": [0.5]}
    before = stamps(directory)
    code, output = snakemake(directory, "--until", "overview", config=more)
    assert code == 0, output
    once = dict.fromkeys(("record_config", "reduce", "theory", "fit", "overview"), 1)
    assert ran(output) == once | {"sample": 4}
    assert before.items() <= stamps(directory).items()
    results = nsslib.open_results(directory / "results/little", with_shards=False)
    for table in ("order_parameters", "theory", "fits"):
        assert results[table]["gamma"].values.tolist() == [0.0, 0.5]
    assert results["order_parameters"]["N"].values.tolist() == [4, 6]
    assert json.loads((directory / "results/little/config.json").read_text())["blocks"].keys() == more["blocks"].keys()


def test_the_library_gives_the_same_numbers_as_the_workflow(finished, tmp_path):
    results = nsslib.run_sweep(SWEEP, directory=tmp_path)
    for kind in ("order_parameters", "theory", "fits"):
        ours, theirs = (
            xr.open_datatree(p / f"{kind}.zarr", engine="zarr") for p in (results, finished / "results/little")
        )
        xr.testing.assert_identical(
            ours.to_dataset().load().drop_attrs(deep=False), theirs.to_dataset().load().drop_attrs(deep=False)
        )
    shard = nsslib.simulate(6, [0.7, 1.2], [3.0, 12.0], seed=1, progress=False, **{
        k: v for k, v in SWEEP["sampler"].items() if k != "exchange"})  # fmt: skip
    stored = nsslib.open_results(results)["shards/main/gamma=0/N=6/seed=1"]
    np.testing.assert_array_equal(shard["observables/q"], stored["observables/q"])
    np.testing.assert_array_equal(shard["trajectories/x"], stored["trajectories/x"])


def test_a_dask_client_gives_the_same_numbers(finished, tmp_path):
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        results = nsslib.run_sweep(SWEEP, client=client, directory=tmp_path)
    seals = [
        {p.relative_to(r).as_posix(): json.loads(p.read_text())["attributes"]["content_sha256"]
         for p in (r / "shards").rglob("seed=[01].zarr/zarr.json")}
        for r in (results, finished / "results/little")
    ]  # fmt: skip
    assert len(seals[0]) == 6
    assert seals[0] == seals[1]


def test_tables_read_well_without_nsslib(finished):
    code = (
        "import sys, xarray as xr; "
        f"t = xr.open_datatree({str(finished / 'results/little/order_parameters.zarr')!r}, engine='zarr'); "
        "print(t); q = t['q']; print(q.attrs['long_name'], q.attrs['units'], q.attrs['estimator']); "
        "print(t['q_err'].attrs['long_name'], t['per_seed'].dims); assert 'nsslib' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "activity 1 mean over replicas and draws of |phi(x)|^2 / N" in done.stdout


def test_a_damaged_store_is_named_and_sampled_again(finished):
    results = finished / "results/little"
    chunk = next((results / "shards/main/gamma=0/N=6/seed=0.zarr/observables/q/c").rglob("[0-9]"))
    chunk = next(p for p in [chunk, *chunk.rglob("*")] if p.is_file())
    chunk.write_bytes(chunk.read_bytes()[:-7])
    code, output = snakemake(finished, "--forcerun", "reduce")
    assert code != 0
    assert "seed=0.zarr: damaged" in output
    assert "run the sweep again" in output
    code, output = snakemake(finished)
    assert code == 0, output
    assert ran(output)["sample"] == 1
    nsslib.open_results(results)


def test_an_invalid_config_never_starts(tmp_path):
    bad = json.loads(json.dumps(SWEEP))
    bad["sampler"]["stepz"] = 3
    code, output = snakemake(tmp_path, config=bad)
    assert code != 0
    assert "sampler.stepz: unknown key; did you mean 'steps'?" in output
    assert "Traceback" not in output
    assert not (tmp_path / "results").exists()


def test_lint_is_clean():
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--lint", "--configfile", "config/smoke.yaml"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_report_is_one_page_that_needs_no_network(finished):
    code, output = snakemake(finished, "--report", "report.html")
    assert code == 0, output
    assert "ERROR" not in output
    page = (finished / "report.html").read_text()
    assert "Activity q, integrated response" in page
    assert page.count("data:image/svg+xml") >= 5
