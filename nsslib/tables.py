"""The tables of a sweep, one function each; Snakemake and notebooks call the same ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import xarray as xr

from nsslib import files, records, store
from nsslib.analysis.agreement import agreement
from nsslib.analysis.controls import controlled, coupling_moments
from nsslib.analysis.convergence import convergence, shard_round_trips
from nsslib.analysis.critical import critical_behaviour
from nsslib.analysis.effective import effective_parameters
from nsslib.analysis.finite_size import extrapolate
from nsslib.analysis.free_energy import free_energy
from nsslib.analysis.order_parameters import over_seeds, per_seed, shard_table
from nsslib.analysis.overlap import overlap_verdict
from nsslib.analysis.response import response_check, shard_sides
from nsslib.analysis.verdicts import Verdict, verdicts
from nsslib.config import Config
from nsslib.configfile import dump
from nsslib.errors import UserError
from nsslib.grid import axes, batches, origin, theory_record
from nsslib.model import couplings
from nsslib.overview import overview
from nsslib.theory import solve


def reduce_sweep(config: Config, results: Path) -> Path:
    """Reduce all shards of the config, one at a time, to the order-parameter tables."""
    origins = {gamma: origin(config, gamma) for gamma in axes(config)["gamma"]}

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
                table = table.merge(free_energy(diagnostics, shard.N, *origins[shard.gamma])).merge(
                    shard_round_trips(diagnostics)
                )
                J0 = couplings(shard.N, shard.gamma, shard.seed, shard.model.diagonal)
                moments = coupling_moments(J0, shard.gamma)
                constant = {name: xr.full_like(table["q"], value) for name, value in moments.items()}
                sides = shard_sides(shard, J0, x[0]) if x else {}
                yield shard.gamma, shard.N, shard.seed, table.assign(constant).assign(sides)

    seeds = per_seed(tables(), config)
    table = over_seeds(seeds, config.convergence)
    nodes = {"/": table, "/per_seed": seeds, "/convergence": convergence(table, seeds, config.convergence)}
    return _publish(nodes, config, results, "order_parameters")


def theory_sweep(config: Config, results: Path) -> Path:
    """Solve the replica equations on the grid of the config."""
    coords = axes(config)
    model = config.model
    table = solve(coords["g"], coords["beta"], coords["gamma"], eta=model.eta, phi=model.phi)
    records.remove(results, "", ("theory",))
    path = _publish({"/": table}, config, results, "theory")
    files.write_text(results / theory_record(config), json.dumps(coords, indent=1) + "\n")
    return path


def fit_sweep(config: Config, results: Path) -> Path:
    """Extrapolate the tables in N, compare with theory, and judge its parameters, transition, overlap and response."""
    table, seeds = (store.read_table(results, "order_parameters", group) for group in ("/", "/per_seed"))
    theory, model = store.read_table(results, "theory"), config.model
    explained = controlled(seeds, model.eta, model.phi)
    fits, influences = extrapolate(explained, theory, table["converged"])
    nodes = {
        "/": fits,
        "/agreement": agreement(fits, influences),
        "/effective": effective_parameters(fits, influences, model.eta, model.phi),
        "/critical": critical_behaviour(table, explained, theory, model.eta),
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
