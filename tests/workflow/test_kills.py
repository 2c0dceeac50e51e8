"""SIGKILL at any moment loses nothing but time: NSSLIB_KILLS=20 pytest tests/workflow/test_kills.py"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from nsslib.storage.store import check, digest

KILLS = int(os.environ.get("NSSLIB_KILLS", "3"))

JOB = """
import sys
from pathlib import Path
from nsslib.config.schema import Model, Sampler, Save
from nsslib.grid.sampling import Sampling
from nsslib.monitor.progress import Reporter
from nsslib.stages.compute import ensure_shard

place = Path(sys.argv[1])
sampler = Sampler(steps=6000, burn_in=500, n_leapfrog=5, save=Save(observables=4, trajectories=200))
shard = Sampling("b", 0.3, 24, 1, (0.7, 1.0, 1.3), Model(eta=0.01), (3.0, 10.0, 30.0), sampler)
print("ready", flush=True)
with Reporter(quiet=True) as reporter:
    ensure_shard(shard, place / "shard.zarr", place / "checkpoint.npz", reporter, checkpoint_seconds=0.2)
print("done", flush=True)
"""


def start(place):
    process = subprocess.Popen([sys.executable, "-c", JOB, place], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def seal(place):
    """Checksum of what a finished shard holds."""
    content = check(place / "shard.zarr", "shard")["content_sha256"]
    assert content == digest(place / "shard.zarr")["content_sha256"]
    assert not list(place.glob("checkpoint*npz")), "what a finished shard leaves is its store"
    return content


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.timeout(120 + 60 * KILLS)
def test_a_shard_killed_at_random_moments_ends_with_the_bits_of_an_unbroken_one(tmp_path):
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    with start(unbroken) as process:
        began = time.monotonic()
        assert process.wait() == 0
    expected, lasts = seal(unbroken), time.monotonic() - began
    moments, kills, finished = random.Random(0), 0, 0
    while kills < KILLS or not finished:
        with start(broken) as process:
            if kills < KILLS:
                time.sleep(moments.uniform(0.0, lasts))
                process.kill()
            code = process.wait()
        # A try that came to its end was not killed in time: it is judged, and another shard begun.
        kills += code == -signal.SIGKILL
        if code == 0:
            finished += 1
            assert seal(broken) == expected
            shutil.rmtree(broken)
    print(f"{kills} kills, {finished} shards finished")
