"""SIGKILL at any moment loses nothing but time: NSSLIB_KILLS=20 pytest tests/workflow/test_kills.py"""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from nsslib.store import check, digest

KILLS = int(os.environ.get("NSSLIB_KILLS", "3"))

JOB = """
import sys
from pathlib import Path
from nsslib.config import Model, Sampler, Save
from nsslib.grid import Shard
from nsslib.progress import Reporter
from nsslib.sampling import run
from nsslib.stages import ensure_shard

run.CHECKPOINT_SECONDS = 0.05
place = Path(sys.argv[1])
sampler = Sampler(steps=6000, burn_in=500, leapfrogs=5, save=Save(observables=4, trajectories=200))
shard = Shard("b", 0.3, 24, 1, (0.7, 1.0, 1.3), (3.0, 10.0, 30.0), Model(eta=0.01), sampler)
print("ready", flush=True)
with Reporter(quiet=True) as reporter:
    ensure_shard(shard, place / "shard.zarr", place / "checkpoint.npz", reporter)
print("done", flush=True)
"""


def start(place):
    process = subprocess.Popen([sys.executable, "-c", JOB, place], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_a_shard_killed_at_random_moments_ends_with_the_bits_of_an_unbroken_one(tmp_path):
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    began = time.monotonic()
    with start(unbroken) as process:
        assert process.wait(timeout=300) == 0
    lasts = time.monotonic() - began
    moments = random.Random(0)
    for _ in range(KILLS):
        with start(broken) as process:
            time.sleep(moments.uniform(0.0, lasts / 2))
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=60)
    with start(broken) as process:
        assert process.wait(timeout=300) == 0
    seals = [check(place / "shard.zarr", "shard") for place in (unbroken, broken)]
    assert seals[0]["content_sha256"] == seals[1]["content_sha256"] == digest(broken / "shard.zarr")["content_sha256"]
    assert not list(broken.glob("checkpoint*npz")), "what a finished shard leaves is its store"
