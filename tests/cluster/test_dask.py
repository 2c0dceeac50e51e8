"""Sweeps and other workflows on real Dask clusters: the same numbers, nothing lost, nothing left behind."""

import os
import signal
import subprocess

import psutil
import pytest

import nsslib
from nsslib.storage import store
from tests.cluster.common import LITTLE, eventually, finish, gives_local_numbers, gone, snakemake

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SNAKEFILE = """
rule all:
    input: "threads.txt", "script.txt", "second.txt"

rule threads:
    output: "threads.txt"
    threads: 2
    resources: mem_mb=50
    shell: "echo {threads} $OMP_NUM_THREADS > {output}"

rule script:
    output: "script.txt"
    resources: mem_mb=50
    script: "say.py"

rule first:
    output: temp("first.txt")
    group: "both/of them"
    resources: mem_mb=50
    shell: "echo one > {output}"

rule second:
    input: "first.txt"
    output: "second.txt"
    group: "both/of them"
    resources: mem_mb=50
    shell: "cat {input} > {output}"

rule unlucky:
    output: "unlucky.txt"
    resources: mem_mb=50
    shell: "echo out of luck >&2; exit 3"

rule large:
    output: "large.txt"
    threads: 512
    shell: "touch {output}"

rule endless:
    output: "endless.txt"
    shell: "trap 'echo yes > saved.txt; exit 1' TERM; sleep 1000 & touch started; sleep 1000 & wait"
"""


def dask_snakemake(directory, *options):
    """Command that runs the Snakefile of a directory on Dask."""
    return ["snakemake", "--directory", directory, "--snakefile", directory / "Snakefile", "--executor", "dask",
            "--jobs", "8", "--keep-going", "--show-failed-logs", *options]  # fmt: skip


@pytest.fixture
def generic(tmp_path):
    """Directory, of a hostile name, of a workflow that has nothing to do with nsslib."""
    place = tmp_path / "a b;$(touch pwned)"
    place.mkdir()
    (place / "Snakefile").write_text(SNAKEFILE)
    (place / "say.py").write_text('open(snakemake.output[0], "w").write("said")')
    yield place
    assert not list(tmp_path.rglob("pwned")), "no name reaches a shell unquoted"


def test_the_executor_gives_the_numbers_of_local_cores(local_numbers, tables_of_little, tmp_path):
    code, output = finish(snakemake(tmp_path, "dask", "--cores", "2", *tables_of_little), tmp_path)
    assert code == 0, output
    assert "Dask scheduler: tcp://127.0.0.1:" in output and "dashboard: http://127.0.0.1:" in output
    gives_local_numbers(tmp_path / "results/little", local_numbers)
    assert not list((tmp_path / ".snakemake/dask_logs").rglob("*.log")), "logs of jobs that succeeded are not kept"


def test_run_sweep_gives_the_numbers_of_local_cores_with_and_without_a_client(local_numbers, client, tmp_path):
    gives_local_numbers(nsslib.run_sweep(LITTLE, directory=tmp_path / "alone"), local_numbers)
    gives_local_numbers(nsslib.run_sweep(LITTLE, client=client, directory=tmp_path / "client"), local_numbers)


SHARD = """
from pathlib import Path
from nsslib.config.schema import Model, Sampler, Save
from nsslib.grid.sampling import Sampling
from nsslib.monitor.progress import Reporter
from nsslib.stages.compute import ensure_shard

sampler = Sampler(steps=20_000, burn_in=60, n_leapfrog=4, save=Save(observables=20, trajectories=0))
shard = Sampling("main", 0.0, 64, 0, (0.7, 1.2), Model(), (3.0, 12.0), sampler)
with open("progress.txt", "a") as log, Reporter(log, seconds=0.2) as reporter:
    ensure_shard(shard, Path("shard.zarr"), Path("checkpoint.npz"), reporter)
Path(snakemake.output[0]).touch()
"""


def test_a_shard_whose_worker_is_killed_goes_on_from_its_checkpoint(generic):
    (generic / "say.py").write_text(SHARD)
    log = generic / "progress.txt"
    command = dask_snakemake(generic, "--cores", "2", "--retries", "1", "script.txt")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        eventually(lambda: log.exists() and "step" in log.read_text())
        job = supervisor(process)
        family = job.children(recursive=True)
        job.parent().kill()
        output = process.communicate(timeout=150)[0]
    assert process.returncode == 0, output
    assert "its Dask worker died" in output and "Trying to restart job" in output
    assert not gone(family)
    assert "resumed at step" in log.read_text()
    unbroken = nsslib.simulate(
        64, [0.7, 1.2], [3.0, 12.0], progress=False, out=generic / "unbroken.zarr",
        steps=20_000, burn_in=60, n_leapfrog=4, save={"observables": 20, "trajectories": 0},
    )  # fmt: skip
    assert store.check(generic / "shard.zarr", "shard")["content_sha256"] == unbroken.attrs["content_sha256"]


def supervisor(process):
    """The process on the worker that watches the job of a running Snakemake."""
    (found,) = [p for p in psutil.Process(process.pid).children(recursive=True) if is_supervisor(p)]
    return found


def is_supervisor(process):
    try:
        return any(word.endswith("supervise.py") for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def test_ctrl_c_lets_jobs_save_their_state_and_leaves_no_process(generic):
    command = dask_snakemake(generic, "--cores", "2", "endless.txt")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as process:
        try:
            eventually((generic / "started").exists)
            family = psutil.Process(process.pid).children(recursive=True)
            assert [p for p in family if p.name() == "sleep"]
            # As a terminal does: to Snakemake, and to the workers that it started.
            os.killpg(process.pid, signal.SIGINT)
            output = process.communicate(timeout=60)[0].decode()
        finally:
            process.kill()
    assert process.returncode != 0
    assert not gone(family), output
    assert (generic / "saved.txt").exists(), "jobs get SIGTERM"
    assert "Traceback" not in output


def test_a_killed_snakemake_leaves_no_job_behind(generic):
    command = dask_snakemake(generic, "--cores", "2", "endless.txt")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        eventually((generic / "started").exists)
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert not gone(family)
    assert (generic / "saved.txt").exists()


def test_any_workflow_runs_with_threads_scripts_and_groups(generic):
    targets = ("all", "unlucky.txt")
    code, output = finish(dask_snakemake(generic, "--cores", "2", *targets), generic)
    assert (generic / "threads.txt").read_text() == "2 2\n"
    assert (generic / "script.txt").read_text() == "said"
    assert (generic / "second.txt").read_text() == "one\n"
    # The job that failed says why where the user sees it.
    assert code != 0
    assert "message: exit code 1" in output
    assert "\nout of luck\n" in output


def test_a_job_larger_than_every_worker_fails_with_one_line(generic):
    code, output = finish(dask_snakemake(generic, "large.txt"), generic)
    assert code != 0
    (line,) = [line for line in output.splitlines() if "message:" in line]
    assert "asks for threads=512, more than any Dask worker has: threads=" in line
    assert "Traceback" not in output


def test_workers_that_declare_no_resources_take_any_job(generic, client):
    command = dask_snakemake(generic, "--dask-scheduler", client.scheduler.address, "script.txt", "large.txt")
    code, output = finish(command, generic)
    assert code == 0, output
    assert "Some Dask workers declare no threads" in output
    assert client.scheduler_info()["workers"], "a cluster of somebody else is left running"


@pytest.mark.parametrize("options", [["tcp://127.0.0.1:9"], ["tcp://127.0.0.1:9", "--dask-workers", "2"]])
def test_a_wrong_scheduler_is_one_line(generic, options):
    code, output = finish(dask_snakemake(generic, "script.txt", "--dask-scheduler", *options), generic)
    assert code != 0
    error = output.split("WorkflowError:\n")[1]
    assert "--dask-scheduler" in error.splitlines()[0]
    assert "Traceback" not in output
