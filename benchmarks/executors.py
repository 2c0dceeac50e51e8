"""Wall time of `snakemake --until compute` over the sampling alone, for every executor that is there.

    python benchmarks/executors.py [--shards 40] [--seconds 20] [--cores 2] [--apart] [local dask slurm]

Small shards are batched, as in any sweep; with --apart every one is a job of its own, the worst case. SLURM joins
where `sinfo` answers.
alone   against the time that the shards would take in a pool of bare processes, one a core, measured on a few of them
within  against the sampling time that the stores of the same run record, which noise on the machine changes as well
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from nsslib.config.files import parse
from nsslib.grid.batch import batches
from nsslib.grid.sampling import Sampling
from nsslib.grid.task import shards
from nsslib.sampling.run import run
from nsslib.tasks.sampling import measure

ROOT = Path(__file__).resolve().parents[1]
BATCH = 64
"""Seeds this far apart are never in one batch."""


def sweep(count: int, seconds: float, apart: bool) -> dict[str, Any]:
    """A config of `count` shards that each take about so many seconds here."""
    config: dict[str, Any] = {
        "name": "executors",
        "blocks": {"main": {"N": [128], "g": [0.8, 1.0, 1.2], "beta": [3.0, 10.0, 30.0]}},
        "sampler": {"burn_in": 100, "steps": 1000, "save": {"trajectories": 0}},
    }
    config["blocks"]["main"]["seeds"] = [(BATCH if apart else 1) * k for k in range(count)]
    shard = next(shards(parse(config)))
    steps = round(seconds * shard.steps / measure(shard))
    # As many draws as a sweep keeps, however long the shard.
    config["sampler"] |= {"steps": steps, "save": {"observables": max(1, steps // 1000), "trajectories": 0}}
    return config


def sampling_seconds(shard: Sampling) -> float:
    """Time that sampling a shard takes, start of the process and compilation not counted."""
    return run(shard).wall_time


def alone(config: dict[str, Any], cores: int) -> float:
    """Mean sampling time of a shard in a pool of bare processes."""
    few = list(shards(parse(config)))[: 2 * cores]
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        return float(np.mean(pool.map(sampling_seconds, few, 1)))


def whole_run(executor: str, config: dict[str, Any], cores: int) -> tuple[float, float]:
    """Wall time of a Snakemake run up to the last shard, and the sampling time its stores record."""
    limit = ["--jobs" if executor == "slurm" else "--cores", str(cores)]
    # Under the checkout, which compute nodes see as well.
    (ROOT / "results").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "results", prefix="benchmark-") as place:
        path = Path(place, "config.json")
        path.write_text(json.dumps(config), encoding="utf-8")
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", place,
             "--profile", ROOT / "profiles" / executor, "--configfile", path, "--until", "compute", *limit],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        took = time.perf_counter() - began
        if done.returncode:
            sys.exit(done.stdout)
        stores = Path(place, "results/executors/shards").rglob("seed=*.zarr/zarr.json")
        times = [json.loads(store.read_text(encoding="utf-8"))["attributes"]["wall_time_s"] for store in stores]
    return took, sum(times)


def available() -> list[str]:
    """Executors of this machine."""
    slurm = shutil.which("sinfo") and subprocess.run(["sinfo"], capture_output=True, check=False).returncode == 0
    return ["local", "dask", *(["slurm"] if slurm else [])]


def main() -> None:
    """Run the executors named on the command line, all by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("executors", nargs="*", help="local, dask, slurm; default: all that are there")
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=20.0, help="of sampling, each shard, about")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--apart", action="store_true", help="a job for every shard")
    options = parser.parse_args()
    config = sweep(options.shards, options.seconds, options.apart)
    jobs = len(batches(parse(config)))
    shard = alone(config, options.cores)
    print(
        f"run / sampling, {options.shards} shards of {shard:.1f} s in {jobs} jobs on {options.cores} cores", flush=True
    )
    for executor in options.executors or available():
        took, recorded = whole_run(executor, config, options.cores)
        pure = shard * options.shards / options.cores
        print(
            f"   {executor:<6} alone {took / pure:.2f}, within {took * options.cores / recorded:.2f}  ({took:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
