"""Stage compute: the shards of a batch, whatever their task; what is there and sound is never computed again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import xarray as xr

from nsslib.errors import Terminated
from nsslib.grid.batch import Batch
from nsslib.grid.sitting import CHECKPOINT_SECONDS, ShouldStop, Sitting
from nsslib.grid.task import Task, engine
from nsslib.monitor.heartbeat import Heartbeat, path_of
from nsslib.monitor.progress import Reporter
from nsslib.storage import atomic, records, store
from nsslib.storage import checkpoint as checkpoints
from nsslib.storage.checkpoint import differences
from nsslib.tasks.termination import termination


def ensure_shard(
    shard: Task,
    path: Path,
    checkpoint: Path,
    reporter: Reporter,
    should_stop: ShouldStop = lambda: None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> dict[str, Any]:
    """Compute a shard unless a sound store of the same settings exists.

    Returns
    -------
    dict
        Root attributes of the store.

    Raises
    ------
    Terminated
        At SIGTERM, or where `should_stop` gives a reason, once the state is saved in the checkpoint.
    """
    for directory in {path.parent, checkpoint.parent}:
        atomic.clear(directory)
    attrs, start = _present(shard, path, reporter)
    if attrs:
        checkpoints.remove(checkpoint)
        return attrs

    report, note = reporter.on_step(shard.label), lambda line: reporter.say(f"{shard.label}: {line}")
    with termination(should_stop) as should_stop, Heartbeat(path_of(checkpoint)) as heartbeat:

        def on_step(done: int, total: int, acceptance: float, remark: str) -> None:
            report(done, total, acceptance, remark)
            heartbeat.on_step(done, total, acceptance, remark)

        sitting = Sitting(checkpoint, start, on_step, should_stop, note, checkpoint_seconds)
        attrs = store.publish(computed(shard, sitting), path, "shard")
        checkpoints.remove(checkpoint)
    return attrs


def _present(shard: Task, path: Path, reporter: Reporter) -> tuple[dict[str, Any] | None, xr.DataTree | None]:
    """Attributes of a sound store of exactly this shard, or else the store of a shorter run; says why neither."""
    try:
        attrs = store.check(path, "shard")
        settings = json.loads(attrs["settings"])
        differ = differences(settings, shard.settings())
        if not differ:
            reporter.say(f"{shard.label}: already there, not computed again")
            return attrs, None
        if shard.continues(settings):
            with store.read(path, "shard") as tree:
                return None, tree.load()
        reporter.say(f"{path}: made with other settings: {', '.join(differ)}; computing it again")
    except store.StoreError as error:
        if path.exists():
            reporter.say(f"{error}; computing it again")
    return None, None


def computed(shard: Task, sitting: Sitting) -> xr.DataTree:
    """Numbers of a shard, with the attributes that its store is known by."""
    began = time.monotonic()
    tree = engine(shard).compute(shard, sitting)
    tree.attrs = {
        "title": f"nsslib {shard.kind}: gamma={shard.gamma:.12g}, N={shard.N}, seed={shard.seed}",
        "settings": json.dumps(shard.settings(), sort_keys=True),
        "fingerprint": shard.fingerprint,
        "wall_time_s": round(time.monotonic() - began, 3),
    } | tree.attrs
    return tree


def run_batch(batch: Batch, results: Path, reporter: Reporter, should_stop: ShouldStop = lambda: None) -> Path:
    """Compute the shards of a batch and write its manifest last.

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
            attrs = ensure_shard(shard, results / shard.path, results / shard.checkpoint, reporter, should_stop)
            entries[shard.path] = {key: attrs[key] for key in ("fingerprint", "content_sha256")}
        atomic.write_text(manifest, json.dumps(entries, indent=1) + "\n")
    return manifest
