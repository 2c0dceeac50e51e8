"""`run_sweep` on a Dask client, and the cluster that the executor starts."""

import json
import urllib.request

import psutil
import pytest
from distributed import Client, WorkerPlugin

import nsslib
from nsslib import UserError
from nsslib.config.files import parse
from nsslib.executors import dask
from nsslib.grid.batch import batches
from nsslib.monitor.heartbeat import State, path_of, read
from nsslib.monitor.progress import Reporter
from snakemake_executor_plugin_dask.cluster import own_cluster, workers_of
from tests.cluster.common import LITTLE, eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_failed_and_killed_batches_are_named_while_the_others_finish(client, tmp_path, capsys):
    class Sabotage(WorkerPlugin):
        """On every worker, restarted ones too: N = 4 fails, N = 6 kills its worker."""

        def setup(self, worker):
            import os

            from nsslib.executors import dask

            sound = dask.run_batch

            def run_batch(batch, results, reporter, should_stop):
                match batch.shards[0].N:
                    case 4:
                        raise OSError("disk full")
                    case 6:
                        os._exit(1)
                return sound(batch, results, reporter, should_stop)

            dask.run_batch = run_batch

    client.register_plugin(Sabotage())
    config = json.loads(json.dumps(LITTLE))
    config["blocks"]["main"]["N"] = [4, 6, 8, 10]
    with pytest.raises(UserError) as error:
        nsslib.run_sweep(config, client=client, directory=tmp_path)
    head, *lines = str(error.value).splitlines()
    assert head.endswith("2 of 4 jobs failed; run the sweep again to sample what is missing")
    assert sorted(lines) == [
        "main/gamma=0/N=4/seeds=0-63: disk full",
        "main/gamma=0/N=6/seeds=0-63: its Dask workers died, perhaps for lack of memory",
    ]
    assert isinstance(error.value.__cause__, OSError | dask.WorkerDied)
    assert {p.parent.name for p in (tmp_path / "little/shards").rglob("seed=*.zarr")} == {"N=8", "N=10"}
    assert "little: 8 of 8 shards, ETA 0:00:00" in capsys.readouterr().err


class Impatient(Reporter):
    """A user who presses Ctrl-C once a shard is done."""

    def count(self, label, total):
        def add(more):
            raise KeyboardInterrupt

        return add


def test_an_interrupt_ends_what_runs_on_the_workers_with_its_state_saved(client, tmp_path):
    config = json.loads(json.dumps(LITTLE))
    config["sampler"]["steps"] = 100
    quick = batches(parse(config))[0]
    config["sampler"]["steps"] = 500_000_000
    config["sampler"]["save"] = {"observables": 1_000_000, "trajectories": 0}
    endless = batches(parse(config))[1:]
    with pytest.raises(KeyboardInterrupt):
        dask.sample(client, [quick, *endless], tmp_path, Impatient(quiet=True))
    checkpoint = tmp_path / "checkpoints" / endless[0].shards[0].path.replace(".zarr", ".npz")
    eventually(checkpoint.exists)
    eventually(lambda: read(path_of(checkpoint))[0].state == State.SAVED)
    assert not (tmp_path / endless[0].manifest).exists()


@pytest.fixture(scope="module")
def own():
    """The cluster that `--executor dask` starts for two cores and two workers."""
    with own_cluster(cores=2, jobs=8, workers=2) as cluster:
        yield cluster


def test_an_own_cluster_listens_on_loopback_only(own):
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    places = [c.laddr.ip for p in family for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    # Scheduler, dashboard, two nannies, two workers, two pages of workers.
    assert len(places) >= 8
    assert set(places) == {"127.0.0.1"}


def test_an_own_cluster_shares_threads_and_memory_among_its_workers(own):
    with Client(own) as client:
        one, other = workers_of(client)
    assert one == other
    assert one["threads"] == 1
    assert 0 < 2 * one["mem_mb"] <= psutil.virtual_memory().total / 1e6


def test_the_dashboard_is_there(own):
    with urllib.request.urlopen(own.dashboard_link, timeout=60) as page:
        assert page.status == 200
