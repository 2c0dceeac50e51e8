"""Sampling the shards of a sweep; Snakemake, Dask and notebooks call the same functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nsslib.analysis.chains.stopping import judge_of
from nsslib.grid.batch import Batch
from nsslib.grid.shard import Shard
from nsslib.monitor.heartbeat import Heartbeat, beside
from nsslib.monitor.progress import Reporter
from nsslib.sampling import checkpoint as checkpoints
from nsslib.sampling.checkpoint import State, differences
from nsslib.sampling.dataset import saved_state, to_tree
from nsslib.sampling.run import run
from nsslib.sampling.termination import Terminated, termination
from nsslib.storage import atomic, records, store


def ensure_shard(shard: Shard, path: Path, checkpoint: Path, reporter: Reporter) -> dict[str, Any]:
    """Sample a shard unless a sound store of the same settings exists.

    Returns
    -------
    dict
        Root attributes of the store.
    """
    start = None
    for place in (path, checkpoint):
        atomic.clear(place.parent)
    try:
        attrs = store.check(path, "shard")
        differ = differences(json.loads(attrs["settings"]), shard.settings())
        if not differ:
            checkpoints.remove(checkpoint)
            reporter.say(f"{shard.label}: already there, not computed again")
            return attrs
        start = _shorter_run(path, shard)
        if start is None:
            reporter.say(f"{path}: made with other settings: {', '.join(differ)}; sampling it again")
    except store.StoreError as error:
        if path.exists():
            reporter.say(f"{error}; sampling it again")

    def note(line: str) -> None:
        reporter.say(f"{shard.label}: {line}")

    heartbeat, reported = Heartbeat(beside(checkpoint)), reporter.watch(shard.label)

    def watch(done: int, total: int, acceptance: float, remark: str) -> None:
        reported(done, total, acceptance, remark)
        heartbeat.watch(done, total, acceptance, remark)

    try:
        record = run(shard, checkpoint, watch, note, start, judge_of(shard))
        attrs = store.publish(to_tree(shard, record), path, "shard")
    except BaseException as error:
        heartbeat.end(error)
        raise
    heartbeat.remove()
    checkpoints.remove(checkpoint)
    return attrs


def _shorter_run(path: Path, shard: Shard) -> State | None:
    """What a sound store saved last, if it is the same shard with fewer steps."""
    with store.read(path, "shard") as tree:
        found = json.loads(tree.attrs["settings"])
        if found["sampler"]["steps"] >= shard.sampler.steps:
            return None
        found["sampler"]["steps"] = shard.sampler.steps
        return saved_state(tree) if found == shard.settings() else None


def run_batch(batch: Batch, results: Path, reporter: Reporter) -> Path:
    """Sample the shards of a batch and write its manifest last.

    Returns
    -------
    Path
        The manifest: fingerprint and content digest of every shard of the batch.

    Raises
    ------
    Terminated
        At SIGTERM, or shortly before the time limit of a SLURM job; another try goes on from there.
    """
    entries = {}
    manifest = results / batch.manifest
    # Stores may change from here on, and nothing may claim that the old ones are there.
    records.remove(results, batch.shards[0].place, batch.labels)
    with termination() as terminated:
        for shard in batch.shards:
            if terminated.is_set():
                raise Terminated(f"SIGTERM: stopped before {shard.label}")
            checkpoint = results / "checkpoints" / shard.path.replace(".zarr", ".npz")
            attrs = ensure_shard(shard, results / shard.path, checkpoint, reporter)
            entries[shard.path] = {key: attrs[key] for key in ("fingerprint", "content_sha256")}
    atomic.write_text(manifest, json.dumps(entries, indent=1) + "\n")
    return manifest
