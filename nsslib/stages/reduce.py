"""Stage reduce: all shards to the tables of their tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import xarray as xr

from nsslib.analysis.chains.order_parameters import per_seed
from nsslib.analysis.chains.statistics import two_level
from nsslib.config.schema import Config
from nsslib.errors import UserError
from nsslib.grid.batch import batches
from nsslib.grid.task import Task, axes, engine, tasks
from nsslib.storage import store


def reduce_sweep(config: Config, results: Path) -> list[Path]:
    """Reduce all shards of the config, one at a time, to a table for every task; returns the tables."""
    return [_reduce(task, config, results) for task in tasks(config)]


def _reduce(task: type[Task], config: Config, results: Path) -> Path:
    tables = _tables(task, config, results)
    join = getattr(engine(task), "join", None)
    nodes = join(tables, config) if join else _means(tables, axes(config, task.kind))
    return store.publish_table(nodes, config, results, task.table)


def _tables(task: type[Task], config: Config, results: Path) -> Iterator[tuple[Task, xr.Dataset]]:
    """Tables of the shards of a task, one at a time."""
    for batch in batches(config):
        for shard in batch.shards:
            if type(shard) is not task:
                continue
            try:
                yield shard, engine(task).table(shard, results / shard.path, config)
            except store.StoreError as error:
                # Without its manifest the batch counts as undone and is repaired by the next run.
                (results / batch.manifest).unlink(missing_ok=True)
                raise UserError(f"{error}; run the sweep again to compute it") from None


def _means(tables: Iterable[tuple[Task, xr.Dataset]], coords: dict[str, list[float]]) -> dict[str, xr.Dataset]:
    """Every x with x_err averaged over realisations, with errors on two levels, and each realisation."""
    seeds = per_seed(tables, coords)
    means = xr.Dataset()
    for name in (str(name) for name in seeds.data_vars):
        if f"{name}_err" in seeds:
            statistics = two_level(seeds[name], seeds[f"{name}_err"])
            means[name] = statistics["mean"].assign_attrs(seeds[name].attrs)
            for key in ("err", "err_thermal", "err_disorder"):
                words = f"{seeds[name].attrs['long_name']}: {key}"
                means[f"{name}_{key}"] = statistics[key].assign_attrs(long_name=words, units="1")
            means["n_seeds"] = statistics["n"].assign_attrs(long_name="number of realisations", units="1")
    return {"/": means, "/per_seed": seeds}
