"""What the tests on real executors share: the numbers of local cores, and a Dask cluster of somebody else."""

import signal

import dask
import pytest
from distributed import Client, LocalCluster

from tests.cluster.common import TABLES, finish, numbers, snakemake
from tests.cluster.slurm_fixtures import slurm, workflow

__all__ = ["slurm", "workflow"]

# What is started in the background, as by nohup, ignores Ctrl-C, and so does all that it starts; tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tables_of_little():
    """Targets of the workflow: all tables of the little sweep, no figures."""
    return [f"results/little/{kind}.zarr" for kind in TABLES]


@pytest.fixture(scope="session")
def local_numbers(tmp_path_factory, tables_of_little):
    """Digests of the little sweep, run by Snakemake on local cores."""
    directory = tmp_path_factory.mktemp("local")
    code, output = finish(snakemake(directory, "local", "--cores", "2", *tables_of_little), directory)
    assert code == 0, output
    found = numbers(directory / "results/little")
    assert len(found) == 7, "four shards and three tables"
    return found


@pytest.fixture
def client():
    """Client of two workers that declare no resources; a task whose worker dies is not tried again."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client
