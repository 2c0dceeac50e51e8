"""Sweeps of ten thousand shards: planning, reducing, memory.

``python benchmarks/scale.py [SHARDS ...]`` plans a sweep of as many large shards, then reduces as many small
synthetic stores (copies of one, linked) in a process of its own, and prints seconds and peak memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nsslib.config.files import parse
from nsslib.config.schema import Config
from nsslib.grid.batch import batches
from nsslib.grid.sampling import Sampling
from nsslib.grid.task import shards
from nsslib.monitor.plan import estimates
from nsslib.monitor.progress import Reporter
from nsslib.stages.compute import ensure_shard
from nsslib.stages.reduce import reduce_sweep
from nsslib.storage import store


def sweep(count: int, sizes: list[int], steps: int) -> Config:
    """Sweep of `count` shards over some N, on a grid of (3, 3)."""
    block = {"N": sizes, "g": [0.7, 1.0, 1.3], "beta": [3.0, 10.0, 30.0], "seeds": count // len(sizes)}
    sampler = {"burn_in": 50, "steps": steps, "n_leapfrog": 3, "save": {"observables": 2, "trajectories": 0}}
    return parse({"name": f"scale{count}", "blocks": {"main": block}, "sampler": sampler})


def synthesise(config: Config, results: Path) -> None:
    """Store of every shard: the first is sampled, the others are links to it under their own names."""
    first, *others = shards(config)
    path = results / first.path
    with Reporter(quiet=True) as reporter:
        ensure_shard(first, path, results / "checkpoint.npz", reporter)
    root = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
    files = [p.relative_to(path) for p in path.rglob("*") if p.is_file() and p != path / "zarr.json"]
    print(f"{len(files) + 1} files a store, {sum((path / f).stat().st_size for f in files) / 1024:.0f} KiB")
    for shard in others:
        link(path, results / shard.path, files, root, shard)


def link(source: Path, target: Path, files: list[Path], root: dict, shard: Sampling) -> None:
    """Store with the content of another and the identity of a shard."""
    for directory in {file.parent for file in files}:
        (target / directory).mkdir(parents=True, exist_ok=True)
    for file in files:
        os.link(source / file, target / file)
    root["attributes"] |= {"fingerprint": shard.fingerprint, "settings": json.dumps(shard.settings(), sort_keys=True)}
    (target / "zarr.json").write_text(json.dumps(root), encoding="utf-8")
    root["attributes"] |= store.digest(target)
    (target / "zarr.json").write_text(json.dumps(root), encoding="utf-8")


def reduce(count: int, results: Path) -> None:
    """Reduce the synthetic stores and print what it took; the process does nothing else."""
    began = time.perf_counter()
    reduce_sweep(sweep(count, [4], 100), results)
    seconds = time.perf_counter() - began
    # Not ru_maxrss: it starts from the memory of the parent.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(f"reduce: {count} shards in {seconds:.1f} s, {1e3 * seconds / count:.1f} ms a shard, peak {peak:.0f} MiB")


def measure(count: int) -> None:
    """Print the numbers of one size of sweep."""
    large = sweep(count, [256, 512, 1024, 2048], 5000)
    began = time.perf_counter()
    jobs = len(batches(large))
    grouped = time.perf_counter() - began
    began = time.perf_counter()
    estimates(large)
    print(
        f"plan: {count} shards in {jobs} jobs, grouped in {grouped:.2f} s, {time.perf_counter() - began:.1f} s in all"
    )
    with tempfile.TemporaryDirectory() as directory:
        results = Path(directory) / "results"
        synthesise(sweep(count, [4], 100), results)
        subprocess.run([sys.executable, __file__, "--reduce", str(count), str(results)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--reduce"]:
        reduce(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        for size in map(int, sys.argv[1:] or ("1000", "10000")):
            measure(size)
