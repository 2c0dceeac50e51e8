"""The stages of a sweep, one function each; Snakemake, Dask and notebooks call the same ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xarray as xr

from nsslib import files, store
from nsslib.allocation import warned_before_the_limit
from nsslib.analysis.agreement import agreement
from nsslib.analysis.convergence import convergence, shard_round_trips
from nsslib.analysis.critical import critical_behaviour
from nsslib.analysis.effective import effective_parameters
from nsslib.analysis.evidence import judge_of
from nsslib.analysis.finite_size import extrapolate
from nsslib.analysis.free_energy import free_energy
from nsslib.analysis.order_parameters import over_seeds, per_seed, shard_table
from nsslib.analysis.overlap import overlap_verdict
from nsslib.analysis.response import response_check, shard_sides
from nsslib.analysis.verdicts import Verdict, verdicts
from nsslib.config import Config
from nsslib.configfile import dump
from nsslib.errors import UserError
from nsslib.grid import Batch, Shard, axes, batches
from nsslib.heartbeat import Heartbeat, beside
from nsslib.overview import overview
from nsslib.progress import Reporter
from nsslib.sampling import checkpoint as checkpoints
from nsslib.sampling.checkpoint import State, differences
from nsslib.sampling.run import Terminated, run, termination
from nsslib.shard import saved_state, to_tree
from nsslib.theory import solve


def ensure_shard(shard: Shard, path: Path, checkpoint: Path, reporter: Reporter) -> dict[str, Any]:
    """Sample a shard unless a sound store of the same settings exists.

    Returns
    -------
    dict
        Root attributes of the store.
    """
    start = None
    for place in (path, checkpoint):
        files.clear(place.parent)
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
    with termination() as terminated, warned_before_the_limit():
        for shard in batch.shards:
            if terminated.is_set():
                raise Terminated(f"SIGTERM: stopped before {shard.label}")
            checkpoint = results / "checkpoints" / shard.path.replace(".zarr", ".npz")
            attrs = ensure_shard(shard, results / shard.path, checkpoint, reporter)
            entries[shard.path] = {key: attrs[key] for key in ("fingerprint", "content_sha256")}
    manifest = results / batch.manifest
    files.write_text(manifest, json.dumps(entries, indent=1) + "\n")
    return manifest


def record_config(config: Config, results: Path) -> Path:
    """Write the config beside the results, for whoever opens them later."""
    path = results / "config.json"
    files.write_text(path, json.dumps(dump(config), indent=1) + "\n")
    return path


def reduce_sweep(config: Config, results: Path) -> Path:
    """Reduce all shards of the config, one at a time, to the order-parameter tables."""
    origin = [axes(config)[axis][0] for axis in ("g", "beta")]

    def tables() -> Iterator[tuple[float, int, int, xr.Dataset]]:
        for batch in batches(config):
            for shard in batch.shards:
                path = results / shard.path
                kept = ("trajectories",) if (path / "trajectories").exists() else ()
                try:
                    series, diagnostics, *x = store.read_groups(
                        path, "shard", "observables", "diagnostics", *kept, fingerprint=shard.fingerprint
                    )
                except store.StoreError as error:
                    # Without its manifest the batch counts as undone and is repaired by the next run.
                    (results / batch.manifest).unlink(missing_ok=True)
                    raise UserError(f"{error}; run the sweep again to sample it") from None
                table = shard_table(series, config.convergence)
                table = table.merge(free_energy(diagnostics, shard.N, *origin)).merge(shard_round_trips(diagnostics))
                yield shard.gamma, shard.N, shard.seed, table.assign(shard_sides(shard, x[0]) if x else {})

    seeds = per_seed(tables(), config)
    table = over_seeds(seeds, config.convergence)
    nodes = {"/": table, "/per_seed": seeds, "/convergence": convergence(table, seeds, config.convergence)}
    return _publish(nodes, config, results, "order_parameters")


def theory_sweep(config: Config, results: Path) -> Path:
    """Solve the replica equations on the grid of the config."""
    coords = axes(config)
    model = config.model
    table = solve(coords["g"], coords["beta"], coords["gamma"], eta=model.eta, phi=model.phi)
    return _publish({"/": table}, config, results, "theory")


def fit_sweep(config: Config, results: Path) -> Path:
    """Extrapolate the tables in N, compare with theory, and judge its parameters, transition, overlap and response."""
    table, seeds = (store.read_table(results, "order_parameters", group) for group in ("/", "/per_seed"))
    theory, model = store.read_table(results, "theory"), config.model
    fits, influences = extrapolate(seeds, theory, table["converged"])
    nodes = {
        "/": fits,
        "/agreement": agreement(fits, influences),
        "/effective": effective_parameters(fits, influences, model.eta, model.phi),
        "/critical": critical_behaviour(table, seeds, theory, model.eta),
        "/overlap": overlap_verdict(table, seeds, theory),
        "/response": response_check(table, seeds),
    }
    return _publish(nodes, config, results, "fits")


def overview_sweep(config: Config, results: Path) -> Path:
    """Write the verdicts on theory and what converged, the first page of the report."""
    path = results / "overview.rst"
    files.write_text(
        path, overview(read_verdicts(results), store.read_table(results, "order_parameters", "/convergence"))
    )
    return path


def read_verdicts(results: Path) -> list[Verdict]:
    """Verdicts of a sweep, from its tables."""
    groups = ("agreement", "effective", "critical", "overlap", "response")
    fits = {name: store.read_table(results, "fits", f"/{name}") for name in groups}
    return verdicts(fits, store.read_table(results, "order_parameters"))


def _publish(nodes: dict[str, xr.Dataset], config: Config, results: Path, kind: str) -> Path:
    tree = xr.DataTree.from_dict(nodes)
    tree.attrs = {
        "title": f"nsslib {kind.replace('_', ' ')}: {config.name}",
        "config": json.dumps(dump(config)),
    } | tree.attrs
    path = results / f"{kind}.zarr"
    files.clear(results)
    store.publish(tree, path, kind)
    return path
