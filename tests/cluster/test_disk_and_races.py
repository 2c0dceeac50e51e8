"""A full disk, two sweeps at once, clocks that are wrong: on this machine, without a scheduler."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
import yaml

from nsslib.config.files import parse
from nsslib.grid.task import shards
from nsslib.storage.store import check

pytestmark = pytest.mark.cluster

SWEEP = {
    "name": "little",
    "blocks": {"main": {"N": [16], "g": [0.7, 1.2], "beta": [3.0, 12.0], "seeds": 3}},
    "sampler": {"burn_in": 60, "steps": 600, "n_leapfrog": 4, "save": {"observables": 2, "trajectories": 2}},
}

SIMULATE = """
import functools, resource, sys
from nsslib import cli
from nsslib.stages import compute

seconds = float(sys.argv.pop(1))
compute.ensure_shard = functools.partial(compute.ensure_shard, checkpoint_seconds=seconds)
limit = int(sys.argv.pop(1))
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
cli.main()
"""


@pytest.fixture
def file(tmp_path):
    """Config file of the sweep."""
    path = tmp_path / "little.yaml"
    path.write_text(yaml.safe_dump(SWEEP))
    return path


def simulate(file, directory, checkpoint_seconds=60.0, limit=0):
    """Start ``nss simulate``; no file of it may be larger than a limit."""
    words = [str(checkpoint_seconds), str(limit), "simulate", file, "--directory", directory]
    return subprocess.Popen(
        [sys.executable, "-c", SIMULATE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process):
    """Exit code and the last line on standard error."""
    _, err = process.communicate(timeout=300)
    return process.returncode, (err.strip().splitlines() or [""])[-1], err


@contextmanager
def small_disk(directory, size):
    """A file system of a few bytes, where this user may mount one; else None."""
    directory.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size}", "none", directory]
    mounted = os.getuid() == 0 and subprocess.run(["mount", *options], capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", directory], check=True)


def assert_whole(results):
    """Every shard and table is sound and nothing else is there."""
    for shard in shards(parse(SWEEP)):
        check(results / shard.path, "shard", shard.fingerprint)
    for kind in ("order_parameters", "theory", "fits"):
        check(results / f"{kind}.zarr", kind)
    assert not [p for p in results.rglob("*") if p.suffix in (".partial", ".old", ".npz", ".older")]


@pytest.mark.parametrize(("what", "checkpoint_seconds"), [("checkpoints", 0.0), ("shards", 60.0)])
def test_a_full_disk_is_named_and_a_rerun_completes(file, tmp_path, what, checkpoint_seconds):
    place = tmp_path / "disk"
    with small_disk(place, "256k") as mounted:
        code, line, err = ended(simulate(file, place, checkpoint_seconds, 0 if mounted else 10_000))
        assert code == 2 and "Traceback" not in err
        assert line.startswith(f"nss: {place}/little/{what}/")
        assert "cannot be written: " + ("No space left on device" if mounted else "File too large") in line
        assert not [p for p in place.rglob("*") if p.suffix == ".partial"]
        if mounted:
            subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        before = {p: p.stat().st_mtime_ns for p in place.rglob("seed=*.zarr/zarr.json")}
        assert ended(simulate(file, place))[0] == 0
        assert before.items() <= {p: p.stat().st_mtime_ns for p in place.rglob("seed=*.zarr/zarr.json")}.items()
        assert_whole(place / "little")


def test_two_sweeps_on_the_same_results_spoil_nothing(file, tmp_path):
    both = [simulate(file, tmp_path, 0.0) for _ in range(2)]
    for code, line, _ in map(ended, both):
        assert code == 0, line
    assert_whole(tmp_path / "little")


@pytest.mark.parametrize("when", [0, 4_000_000_000], ids=["1970", "2096"])
def test_neither_clock_nor_host_matters(file, tmp_path, when):
    results = tmp_path / "little"
    process = simulate(file, tmp_path, 0.0)
    while not list(results.rglob("*.npz")):
        assert process.poll() is None
    process.kill()
    process.communicate()
    checkpoint = next(results.rglob("*.npz"))
    for path in results.rglob("*"):
        os.utime(path, (when, when))
    # What a job on another node left long ago, and one that may still write.
    for host, age in (("node1", 0), ("node2", None)):
        other = checkpoint.with_name(f"{checkpoint.name}.{host}.1.partial")
        other.write_bytes(b"half")
        os.utime(other, None if age is None else (age, age))
    code, line, err = ended(simulate(file, tmp_path))
    assert code == 0, line
    assert "resumed at step" in err
    (kept,) = results.rglob("*.partial")
    assert ".node2." in kept.name
    kept.unlink()
    assert_whole(results)
