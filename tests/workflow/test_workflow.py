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
    "sampler": {"burn_in": 60, "steps": 80, "n_leapfrog": 4, "save": {"observables": 2, "trajectories": 20}},
}
RESULTS = "results/little"
TABLE = f"{RESULTS}/order_parameters.zarr"
# The last of every branch of the graph, and one of the figures, which cost the most.
ENDS = (f"{RESULTS}/config.json", f"{RESULTS}/overview.rst", f"{RESULTS}/figures/order-parameters/gamma=0.svg")
ONCE = dict.fromkeys(("record_config", "reduce", "fit", "overview", "figure"), 1)
FIGURES = len(figures(parse(SWEEP)))

# One worker runs them all, on the results of one run.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]


def snakemake(directory, *options, configs=(SWEEP,)):
    """Run Snakemake on layered configs in a directory; returns its exit code and output."""
    paths = [directory / f"sweep{layer}.yaml" for layer in range(len(configs))]
    for path, config in zip(paths, configs, strict=True):
        path.write_text(yaml.safe_dump(config))
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *options, "--snakefile", ROOT / "Snakefile", "--directory", directory,
         "--profile", ROOT / "profiles" / "local", "--cores", "2", "--configfile", *paths],
        capture_output=True, text=True, cwd=directory, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def ran(output):
    """Rules of the job statistics, by name."""
    lines = output.split("Job stats:")[1].split("total")[0].splitlines()
    return {line.split()[0]: int(line.split()[1]) for line in lines if line.strip() and line.split()[-1].isdigit()}


def stamps(directory):
    """When every store was sealed."""
    return {p: p.stat().st_mtime_ns for p in (directory / RESULTS / "shards").rglob("seed=*.zarr/zarr.json")}


def changed(main=None, sampler=None, **blocks):
    """The sweep with some keys of its block or its sampler changed, and with more blocks."""
    return SWEEP | {
        "blocks": {"main": SWEEP["blocks"]["main"] | (main or {}), **blocks},
        "sampler": SWEEP["sampler"] | (sampler or {}),
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A directory where the sweep has run, but for all figures but one."""
    directory = tmp_path_factory.mktemp("workflow")
    code, output = snakemake(directory, *ENDS)
    assert code == 0, output
    assert ran(output) == ONCE | {"compute": 3, "theory": 1}
    return directory


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished sweep."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def test_a_run_leaves_the_results_of_the_contract_and_nothing_to_do(finished):
    results = finished / RESULTS
    for name in ("order_parameters.zarr", "theory.zarr", "fits.zarr", "config.json"):
        assert (results / name).exists()
    assert len(list((results / "shards/main/gamma=0").glob("N=*/seed=*.zarr"))) == 6
    assert not list(results.rglob("*.partial"))
    assert {path.suffix for path in (results / "figures/order-parameters").iterdir()} == {".png", ".svg"}
    log = next((finished / "logs/little/compute").rglob("*.log")).read_text()
    assert "step 140 of 140" in log
    code, output = snakemake(finished, *ENDS, "--dry-run")
    assert code == 0
    assert "Nothing to be done" in output


def test_a_config_file_overrides_keys_of_another(tmp_path):
    mine = {"name": "mine", "blocks": {"main": {"N": [4, 6]}, "more": SWEEP["blocks"]["main"] | {"N": [10]}}}
    code, output = snakemake(tmp_path, "--dry-run", configs=(SWEEP, mine))
    assert code == 0, output
    assert ran(output) == ONCE | {"sweep": 1, "theory": 1, "compute": 3, "figure": FIGURES + 1}
    assert "results/mine/shards" not in output and "results/mine/manifests/more/" in output
    assert "results/little" not in output


def test_a_misspelt_key_of_an_overriding_file_is_named_in_one_line(tmp_path):
    code, output = snakemake(tmp_path, "--dry-run", configs=(SWEEP, {"sampler": {"stepz": 3}}))
    assert code != 0
    assert [line for line in output.splitlines() if "stepz" in line] == [
        "config: sampler.stepz: unknown key; did you mean 'steps'?"
    ]
    assert "Traceback" not in output


def test_values_on_the_command_line_may_be_nested_and_written_as_numbers(tmp_path):
    values = ("--config", "name=mine", "sampler={steps: 1e2, exchange: false}", "blocks={main: {N: [4], seeds: 1}}")
    code, output = snakemake(tmp_path, "--dry-run", *values)
    assert code == 0, output
    assert ran(output)["compute"] == 1


@pytest.mark.heavy
def test_two_more_seeds_run_only_what_is_needed(finished):
    before = stamps(finished)
    code, output = snakemake(finished, *ENDS, configs=(changed(main={"seeds": [0, 1, 100, 101]}),))
    assert code == 0, output
    assert ran(output) == ONCE | {"compute": 3}
    assert before.items() <= stamps(finished).items()
    table = xr.open_datatree(finished / TABLE, engine="zarr")
    assert (table["n_seeds"] == 4).all()
    # Fewer seeds: the tables shrink, the stores stay.
    before = stamps(finished)
    code, output = snakemake(finished, *ENDS)
    assert code == 0, output
    assert ran(output) == ONCE
    assert stamps(finished) == before and len(before) == 12
    table = xr.open_datatree(finished / TABLE, engine="zarr")
    assert (table["n_seeds"] == 2).all() and table["per_seed"].sizes["seed"] == 2


@pytest.mark.heavy
def test_another_size_and_another_block_leave_what_exists_alone(copy):
    strong = SWEEP["blocks"]["main"] | {"N": [4], "g": [1.5, 1.6]}
    before = stamps(copy)
    code, output = snakemake(copy, TABLE, configs=(changed(main={"N": [4, 6, 8, 10]}, strong=strong),))
    assert code == 0, output
    assert ran(output) == {"record_config": 1, "compute": 2, "reduce": 1}
    after = stamps(copy)
    assert before.items() <= after.items()
    added = {p.parent.relative_to(copy / RESULTS / "shards").as_posix() for p in after.keys() - before.keys()}
    assert added == {f"{p}/seed={seed}.zarr" for p in ("main/gamma=0/N=10", "strong/gamma=0/N=4") for seed in (0, 1)}
    table = xr.open_datatree(copy / TABLE, engine="zarr")
    assert int(table["n_seeds"].sel(gamma=0, N=4, g=1.6, beta=3.0)) == 2


@pytest.mark.heavy
def test_a_longer_budget_goes_on_from_what_exists(copy):
    code, output = snakemake(copy, TABLE, configs=(changed(sampler={"steps": 120}),))
    assert code == 0, output
    logs = [p.read_text() for p in (copy / "logs/little/compute").rglob("seeds=0-*.log")]
    assert sum(log.count("continues at step 140 of 180 from a shorter run") == 2 for log in logs) == 3


@pytest.mark.heavy
def test_a_copy_without_the_records_of_snakemake_is_extended_at_once(copy):
    shutil.rmtree(copy / ".snakemake")
    code, output = snakemake(copy, *ENDS, "--dry-run")
    assert code == 0 and "Nothing to be done" in output
    main = SWEEP["blocks"]["main"] | {"seeds": [0, 1, 2], "N": [4, 6]}
    more = changed(main=main, reciprocal=main | {"gamma": [0.5]})
    before = stamps(copy)
    code, output = snakemake(copy, "--until", "overview", configs=(more,))
    assert code == 0, output
    once = dict.fromkeys(("record_config", "reduce", "theory", "fit", "overview"), 1)
    assert ran(output) == once | {"compute": 4}
    assert before.items() <= stamps(copy).items()
    results = nsslib.open_results(copy / RESULTS, with_shards=False)
    for table in ("order_parameters", "theory", "fits"):
        assert results[table]["gamma"].values.tolist() == [0.0, 0.5]
    assert results["order_parameters"]["N"].values.tolist() == [4, 6]
    assert json.loads((copy / RESULTS / "config.json").read_text())["blocks"].keys() == more["blocks"].keys()


@pytest.mark.heavy
def test_the_library_gives_the_same_numbers_as_the_workflow(finished, tmp_path):
    results = nsslib.run_sweep(SWEEP, directory=tmp_path)
    for kind in ("order_parameters", "theory", "fits"):
        ours, theirs = (xr.open_datatree(p / f"{kind}.zarr", engine="zarr") for p in (results, finished / RESULTS))
        xr.testing.assert_identical(
            ours.to_dataset().load().drop_attrs(deep=False), theirs.to_dataset().load().drop_attrs(deep=False)
        )
    shard = nsslib.simulate(6, [0.7, 1.2], [3.0, 12.0], seed=1, progress=False, **{
        k: v for k, v in SWEEP["sampler"].items() if k != "exchange"})  # fmt: skip
    stored = nsslib.open_results(results)["shards/main/gamma=0/N=6/seed=1"]
    np.testing.assert_array_equal(shard["observables/q"], stored["observables/q"])
    np.testing.assert_array_equal(shard["trajectories/x"], stored["trajectories/x"])


@pytest.mark.heavy
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
        for r in (results, finished / RESULTS)
    ]  # fmt: skip
    assert len(seals[0]) == 6
    assert seals[0] == seals[1]


@pytest.mark.heavy
def test_tables_read_well_without_nsslib(finished):
    code = (
        "import sys, xarray as xr; "
        f"t = xr.open_datatree({str(finished / TABLE)!r}, engine='zarr'); "
        "print(t); q = t['q']; print(q.attrs['long_name'], q.attrs['units'], q.attrs['estimator']); "
        "print(t['q_err'].attrs['long_name'], t['per_seed'].dims); assert 'nsslib' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "activity 1 mean over replicas and draws of |phi(x)|^2 / N" in done.stdout


@pytest.mark.heavy
def test_a_damaged_store_is_named_and_sampled_again(copy):
    results = copy / RESULTS
    chunks = (results / "shards/main/gamma=0/N=6/seed=0.zarr/observables/q/c").rglob("*")
    chunk = next(path for path in chunks if path.is_file())
    chunk.write_bytes(chunk.read_bytes()[:-7])
    code, output = snakemake(copy, TABLE, "--forcerun", "reduce")
    assert code != 0
    assert "seed=0.zarr: damaged" in output
    assert "run the sweep again" in output
    code, output = snakemake(copy, TABLE)
    assert code == 0, output
    assert ran(output) == {"compute": 1, "reduce": 1}
    nsslib.open_results(results)


def test_an_invalid_config_never_starts(tmp_path):
    code, output = snakemake(tmp_path, configs=(changed(sampler={"stepz": 3}),))
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


@pytest.mark.heavy
def test_all_figures_are_drawn_and_the_report_is_one_page_that_needs_no_network(copy):
    code, output = snakemake(copy)
    assert code == 0, output
    assert ran(output) == {"sweep": 1, "figure": FIGURES - 1}
    for suffix in ("png", "svg"):
        assert len(list((copy / RESULTS / "figures").rglob(f"*.{suffix}"))) == FIGURES
    code, output = snakemake(copy, "--report", "report.html")
    assert code == 0, output
    assert "ERROR" not in output
    page = (copy / "report.html").read_text()
    assert "Activity q, integrated response" in page
    assert page.count("data:image/svg+xml") >= 5
