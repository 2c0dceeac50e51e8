"""A little sweep, ways to run it on any executor, and what makes two results the same."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import yaml

from nsslib.storage import store

ROOT = Path(__file__).resolve().parents[2]
LITTLE = {
    "name": "little",
    "blocks": {"main": {"N": [4, 6], "g": [0.7, 1.2], "beta": [3.0, 12.0], "seeds": [0, 1]}},
    "sampler": {"burn_in": 60, "steps": 80, "n_leapfrog": 4, "save": {"observables": 2, "trajectories": 20}},
}
TABLES = ("order_parameters", "theory", "fits")


def snakemake(directory, profile, *options, config=LITTLE):
    """Command that runs a sweep in a directory with a profile."""
    path = directory / "sweep.yaml"
    path.write_text(yaml.safe_dump(config))
    return [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", directory,
            "--profile", ROOT / "profiles" / profile, "--configfile", path, *options]  # fmt: skip


def finish(command, cwd, timeout=200):
    """Run a command; returns its exit code and output."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)
    return done.returncode, done.stdout + done.stderr


def numbers(results):
    """Digest of every shard and table of a sweep: two results with the same ones agree bit for bit.

    Stores are read and checked, not only compared by what they say of themselves.
    """
    shards = {path.relative_to(results).as_posix(): path for path in (results / "shards").rglob("seed=*.zarr")}
    digests = {name: store.check(path, "shard")["content_sha256"] for name, path in shards.items()}
    tables = {kind: store.check(results / f"{kind}.zarr", kind)["content_sha256"] for kind in TABLES}
    return digests | tables


def eventually(condition, seconds=60):
    """Wait for a condition and return its value; a test that waits in vain fails."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return value


def gone(processes):
    """Wait until processes have ended; returns those that have not."""
    return psutil.wait_procs(processes, timeout=20)[1]


def gives_local_numbers(results, local_numbers):
    """Fail naming the stores that differ from those of the run on local cores."""
    found = numbers(results)
    assert found.keys() == local_numbers.keys()
    assert not [name for name in found if found[name] != local_numbers[name]]
