"""The workflow on a real SLURM: the same numbers as on local cores, and failures that end well."""

import signal

import pytest

from nsslib.config.files import parse
from nsslib.grid.batch import batches
from nsslib.grid.cost import job_megabytes, job_minutes
from nsslib.grid.task import shards
from nsslib.storage.store import check
from nsslib.tasks.sampling import measure
from tests.cluster.slurm_fixtures import SCRIPTS, command, jobs, power_off, wait_for

pytestmark = pytest.mark.cluster

TABLE = "order_parameters.zarr"


def two_shards(name, seconds):
    """One batch of two shards that take about so many seconds each on this machine."""
    block = {"N": [32], "g": [0.7, 1.0, 1.3], "beta": [3.0, 10.0, 30.0], "seeds": [0, 1]}
    sampler = {"burn_in": 60, "steps": 1000, "save": {"observables": 50, "trajectories": 0}}
    config = {"name": name, "blocks": {"main": block}, "sampler": sampler}
    shard = next(shards(parse(config)))
    sampler["steps"] = round(seconds * shard.steps / measure(shard))
    return config


def target(sweep):
    """The table of a sweep, as Snakemake is asked for it."""
    return sweep.results.relative_to(sweep.directory) / TABLE


def first_stored(sweep):
    """Wait for the first store of a sweep; the other shard is then being sampled."""

    def stored():
        return sweep.stamps()

    return wait_for(stored)


def assert_whole(sweep, before):
    """All is there and sound, nothing good was computed again, nothing bad is kept."""
    now = sweep.stamps()
    assert before.items() <= now.items()
    for shard in shards(sweep.config):
        check(sweep.results / shard.path, "shard", shard.fingerprint)
    check(sweep.results / TABLE, "order_parameters")
    assert len(now) == len(list(shards(sweep.config)))
    left = [p for p in sweep.results.rglob("*") if p.suffix in (".partial", ".old", ".npz", ".older")]
    assert not left


def test_the_smoke_sweep_has_the_bits_of_the_local_profile(slurm, workflow):
    remote, local = workflow(name="slurm"), workflow(name="local")
    remote.run()
    local.run(target(local), profile="profiles/local")
    seals = [check(sweep.results / TABLE, "order_parameters")["content_sha256"] for sweep in (remote, local)]
    assert seals[0] == seals[1]
    assert (remote.results / "figures").is_dir()
    assert "main_gamma=0_N=8_seeds=0-63" in remote.output(), "logs are named by batch"


def test_a_cancelled_job_is_submitted_again_and_asks_for_more(slurm, workflow):
    sweep = workflow(two_shards("cancelled", 8))
    process = sweep.start(target(sweep))
    before = first_stored(sweep)
    command("scancel", str(sweep.job()))
    sweep.finish(process)
    assert jobs()[sweep.job(0)] == "CANCELLED" and jobs()[sweep.job(1)] == "COMPLETED"
    (batch,) = batches(sweep.config)
    for attempt in (1, 2):
        asked = command("squeue", "--noheader", "--states=all", f"--jobs={sweep.job(attempt - 1)}", "--format=%m %l")
        assert asked.split() == [f"{job_megabytes(batch, attempt)}M", f"{job_minutes(batch, attempt)}:00"]
    assert "seed=0: already there, not computed again" in sweep.log()
    assert_whole(sweep, before)


def taken_down(slurm, node, job):
    """An administrator takes a node out; it comes back by itself, as ReturnToService says."""
    command("scontrol", "update", f"nodename={node}", "state=down", "reason=drill")


@pytest.mark.parametrize("fate", [taken_down, power_off])
def test_a_job_whose_node_goes_down_is_started_again_by_slurm(slurm, workflow, fate):
    sweep = workflow(two_shards("node", 8))
    process = sweep.start(target(sweep))
    before = first_stored(sweep)
    node = command("squeue", "--noheader", f"--jobs={sweep.job()}", "--format=%N").strip()
    try:
        fate(slurm, node, sweep.job())
        sweep.finish(process)
    finally:
        # What lost its power is started again, for the tests that follow.
        command(SCRIPTS / "up.sh")
    assert " Restarts=1 " in command("scontrol", "show", "job", str(sweep.job()))
    assert jobs()[sweep.job()] == "COMPLETED"
    assert "seed=0: already there, not computed again" in sweep.log()
    assert_whole(sweep, before)


def test_a_job_that_meets_its_limit_saves_its_state_and_goes_on_from_there(slurm, workflow):
    sweep = workflow(two_shards("limit", 27))
    # One minute for the first try, half of it warning, is not enough; a minute more for the second is.
    sweep.run(target(sweep), "--set-resources", "compute:runtime=attempt")
    states = jobs()
    assert (states[sweep.job(0)], states[sweep.job(1)]) == ("FAILED", "COMPLETED")
    assert "resumed at step" in sweep.log()
    assert_whole(sweep, {})


def test_a_killed_snakemake_goes_on_beside_its_orphans(slurm, workflow):
    sweep = workflow(two_shards("killed", 8))
    process = sweep.start(target(sweep))
    before = first_stored(sweep)
    orphan = sweep.job()
    process.send_signal(signal.SIGKILL)
    process.wait()
    locked = sweep.start(target(sweep))
    assert locked.wait(timeout=100) != 0 and "--unlock" in sweep.output()
    assert jobs()[orphan] == "RUNNING", "the job does not depend on the process that submitted it"
    sweep.run("--unlock")
    sweep.run(target(sweep))
    wait_for(lambda: jobs()[orphan] != "RUNNING")
    assert_whole(sweep, before)
    sweep.run(target(sweep), "--dry-run")
    assert "Nothing to be done" in sweep.output()
