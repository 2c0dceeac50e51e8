"""Sampling the shards of a sweep; Snakemake, Dask and notebooks call the same functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nsslib.analysis.chains.stopping import judge_of
from nsslib.errors import Terminated
from nsslib.grid.batch import Batch
from nsslib.grid.shard import Shard
from nsslib.monitor.heartbeat import Heartbeat, path_of
from nsslib.monitor.progress import Reporter
from nsslib.sampling import checkpoint as checkpoints
from nsslib.sampling.checkpoint import State, differences
from nsslib.sampling.dataset import saved_state, to_tree
from nsslib.sampling.run import CHECKPOINT_SECONDS, run
from nsslib.sampling.termination import ShouldStop, termination
from nsslib.storage import atomic, records, store


def ensure_shard(
    shard: Shard,
    path: Path,
    checkpoint: Path,
    reporter: Reporter,
    should_stop: ShouldStop = lambda: None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> dict[str, Any]:
    """Sample a shard unless a sound store of the same settings exists.

    Returns
    -------
    dict
        Root attributes of the store.

    Raises
    ------
    Terminated
        At SIGTERM, or where `should_stop` gives a reason, once the state is saved in the checkpoint.
    """
    start = None
    for directory in {path.parent, checkpoint.parent}:
        atomic.clear(directory)
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

    report, note = reporter.on_step(shard.label), lambda line: reporter.say(f"{shard.label}: {line}")
    with termination(should_stop) as should_stop, Heartbeat(path_of(checkpoint)) as heartbeat:

        def on_step(done: int, total: int, acceptance: float, remark: str) -> None:
            report(done, total, acceptance, remark)
            heartbeat.on_step(done, total, acceptance, remark)

        record = run(shard, checkpoint, on_step, note, start, judge_of(shard), should_stop, checkpoint_seconds)
        attrs = store.publish(to_tree(shard, record), path, "shard")
        checkpoints.remove(checkpoint)
    return attrs


def _shorter_run(path: Path, shard: Shard) -> State | None:
    """What a sound store saved last, if it is the same shard with fewer steps."""
    with store.read(path, "shard") as tree:
        settings = json.loads(tree.attrs["settings"])
        if settings["sampler"]["steps"] >= shard.sampler.steps:
            return None
        settings["sampler"]["steps"] = shard.sampler.steps
        return saved_state(tree) if settings == shard.settings() else None


def run_batch(batch: Batch, results: Path, reporter: Reporter, should_stop: ShouldStop = lambda: None) -> Path:
    """Sample the shards of a batch and write its manifest last.

    Returns
    -------
    Path
        The manifest: fingerprint and content digest of every shard of the batch.

    Raises
    ------
    Terminated
        At SIGTERM, or where `should_stop` gives a reason; another try continues from there.
    """
    entries = {}
    manifest = results / batch.manifest
    # Stores may change from here on, and no manifest may stand for the ones before.
    records.remove(results, batch.shards[0].place, batch.labels)
    with termination(should_stop) as should_stop:
        for shard in batch.shards:
            if reason := should_stop():
                raise Terminated(f"{reason}: stopped before {shard.label}")
            checkpoint = results / "checkpoints" / shard.path.replace(".zarr", ".npz")
            attrs = ensure_shard(shard, results / shard.path, checkpoint, reporter, should_stop)
            entries[shard.path] = {key: attrs[key] for key in ("fingerprint", "content_sha256")}
        atomic.write_text(manifest, json.dumps(entries, indent=1) + "\n")
    return manifest
