"""Stage reduce: all shards to tables of order parameters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import xarray as xr

from nsslib.analysis.chains.convergence import convergence, shard_round_trips
from nsslib.analysis.chains.free_energy import free_energy
from nsslib.analysis.chains.order_parameters import named, over_seeds, per_seed, shard_table
from nsslib.analysis.comparison.response import shard_sides
from nsslib.analysis.sizes.control_variates import MOMENTS, coupling_moments
from nsslib.config.schema import Config
from nsslib.errors import UserError
from nsslib.grid.axes import axes, reference_point
from nsslib.grid.batch import batches
from nsslib.model.couplings import couplings
from nsslib.storage import store


def reduce_sweep(config: Config, results: Path) -> Path:
    """Reduce all shards of the config, one at a time, to the order-parameter tables."""
    references = {gamma: reference_point(config, gamma) for gamma in axes(config)["gamma"]}

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
                table = table.merge(free_energy(diagnostics, shard.N, *references[shard.gamma])).merge(
                    shard_round_trips(diagnostics)
                )
                J0 = couplings(shard.N, shard.gamma, shard.seed, shard.model.diagonal)
                moments = coupling_moments(J0, shard.gamma)
                constant = {
                    name: named(xr.full_like(table["q"], value).drop_attrs(), MOMENTS[name])
                    for name, value in moments.items()
                }
                sides = shard_sides(shard, J0, x[0]) if x else {}
                yield shard.gamma, shard.N, shard.seed, table.assign(constant).assign(sides)

    seeds = per_seed(tables(), config)
    table = over_seeds(seeds, config.convergence)
    nodes = {"/": table, "/per_seed": seeds, "/convergence": convergence(table, seeds, config.convergence)}
    return store.publish_table(nodes, config, results, "order_parameters")
