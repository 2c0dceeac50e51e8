"""Whole sweeps and single shards without Snakemake: what `import nsslib` offers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from nsslib.config.files import load, parse
from nsslib.config.schema import Config
from nsslib.errors import UserError
from nsslib.executors.dask import sample
from nsslib.executors.deadline import time_limit
from nsslib.grid.batch import batches
from nsslib.grid.results import samples
from nsslib.grid.sampling import sampled
from nsslib.grid.sitting import Sitting
from nsslib.monitor.progress import Reporter
from nsslib.stages.compute import computed, ensure_shard, run_batch
from nsslib.stages.config import record_config
from nsslib.stages.fit import fit_sweep
from nsslib.stages.reduce import reduce_sweep
from nsslib.stages.report import draw_sweep, overview_sweep
from nsslib.stages.theory import theory_sweep
from nsslib.storage import store

TABLES = ("order_parameters", "theory", "fits")


def simulate(
    N: int,
    g: float | list[float],
    beta: float | list[float],
    gamma: float = 0.0,
    eta: float = 0.0,
    seed: int = 0,
    replicas: int = 2,
    phi: str = "tanh",
    sampler: str = "hmc",
    steps: int = 2000,
    exchange: bool = True,
    precision: str = "float64",
    out: str | Path | None = None,
    progress: bool = True,
    **settings: Any,
) -> xr.DataTree:
    """Sample one disorder sample over a grid of (g, beta).

    Parameters
    ----------
    N : int
        Number of units.
    g, beta : float or list of float
        Coupling strengths and inverse temperatures; every pair is a cell.
    gamma, eta : float
        Reciprocity of the couplings in [-1, 1]; confining term >= 0.
    seed : int
        Disorder sample.
    replicas : int
        Independent chains per cell on the same couplings, >= 2; half start cold, half hot.
    phi : {"tanh", "erf", "linear"}
        Transfer function.
    sampler : {"hmc", "mala", "ghmc", "baoab", "euler-maruyama"}
        Integrator; all but the last two are exact.
    steps : int
        Recorded steps after burn-in.
    exchange : bool
        Replica exchange in beta and g, with intermediate points of the ladder.
    precision : {"float64", "float32"}
        Of the state.
    out : path, optional
        Store to write (``.zarr``); an existing one with the same settings is read instead.
    progress : bool
        Report progress to standard error.
    **settings
        Any other key of the ``sampler`` section of a config (burn_in, step_size, n_leapfrog,
        friction, target_accept, stop_when, save), and ``diagonal``.

    Returns
    -------
    DataTree
        /observables, /trajectories and /diagnostics; all quantities are dimensionless.

    Raises
    ------
    UserError
        One line for every argument that is out of its range.
    """
    diagonal = settings.pop("diagonal", "zero")
    config = _arguments(
        {
            "name": "shard",
            "model": {"phi": phi, "eta": eta, "diagonal": diagonal},
            "blocks": {"main": {"gamma": [gamma], "N": [N], "g": _list(g), "beta": _list(beta), "seeds": [seed]}},
            "sampler": {"integrator": sampler, "steps": steps, "replicas": replicas, "exchange": exchange,
                        "precision": precision, **settings},
        }
    )  # fmt: skip
    (shard,) = sampled(config)
    with Reporter(quiet=not progress) as reporter:
        if out is None:
            return computed(shard, Sitting(on_step=reporter.on_step(shard.label), note=reporter.say))
        path = Path(out)
        ensure_shard(shard, path, path.with_name(f"{path.name}.checkpoint"), reporter)
    return store.read(path, "shard", shard.fingerprint)


def _arguments(config: dict[str, Any]) -> Config:
    """Validate arguments by the rules of a config, and name them as arguments."""
    try:
        return parse(config, "simulate")
    except UserError as error:
        raise UserError(re.sub(r"(?m)^simulate: (blocks\.main|model|sampler)\.", "simulate: ", str(error))) from None


def _list(values: Any) -> Any:
    """A grid as it is; a number as a grid of one value."""
    return values if isinstance(values, list | tuple | range | dict) or np.ndim(values) else [values]


def run_sweep(
    config: str | Path | dict[str, Any] | Config, client: Any = None, directory: str | Path = "results"
) -> Path:
    """Run a whole sweep without Snakemake: sample, reduce, theory, fit, figures.

    Parameters
    ----------
    config : path, dict or Config
        Config file, its content, or a validated config.
    client : dask.distributed.Client, optional
        Where to sample; this process if not given. Numbers do not depend on it. Its workers need
        nsslib and the file system of `directory`.
    directory : path
        Parent of the results.

    Returns
    -------
    Path
        ``directory/<name>``; what is there already is not computed again.

    Raises
    ------
    UserError
        If the config is not valid; a line for every batch that failed on the client's workers.
    """
    if not isinstance(config, Config):
        config = parse(config) if isinstance(config, dict) else load(config)
    results = Path(directory).resolve() / config.name
    jobs = batches(config)
    record_config(config, results)
    with Reporter() as reporter:
        if client is None:
            should_stop = time_limit()
            for batch in jobs:
                run_batch(batch, results, reporter, should_stop)
        else:
            sample(client, jobs, results, reporter)
    reduce_sweep(config, results)
    if samples(config):
        for stage in (theory_sweep, fit_sweep, overview_sweep, draw_sweep):
            stage(config, results)
    return results


def open_results(path: str | Path, with_shards: bool = True) -> xr.DataTree:
    """Open the results of a sweep.

    Parameters
    ----------
    path : path
        ``results/<name>``.
    with_shards : bool
        Whether to open the shards as well (lazily).

    Returns
    -------
    DataTree
        /order_parameters with its group convergence, /per_seed, /theory, /fits with its groups (agreement, effective,
        critical, ...), and /shards/<block>/gamma=/N=/seed=/...; tables that are not there yet are left out.

    Raises
    ------
    UserError
        If there are no results at `path`, or a store there is damaged.
    """
    path = Path(path)
    nodes: dict[str, xr.Dataset | xr.DataTree] = {}
    for kind in TABLES:
        if (path / f"{kind}.zarr").exists():
            tree = store.read(path / f"{kind}.zarr", kind)
            nodes[f"/{kind}"] = tree.to_dataset()
            for name, group in tree.children.items():
                nodes["/per_seed" if name == "per_seed" else f"/{kind}/{name}"] = group.to_dataset()
    if with_shards:
        for found in sorted((path / "shards").glob("*/gamma=*/N=*/seed=*.zarr")):
            tree = store.read(found, "shard")
            place = f"/shards/{found.relative_to(path / 'shards').with_suffix('').as_posix()}"
            nodes |= {f"{place}{node.path}".rstrip("/"): node.to_dataset() for node in tree.subtree}
    if not nodes:
        raise UserError(f"{path}: no results here; expected {', '.join(f'{k}.zarr' for k in TABLES)} or shards/")
    return xr.DataTree.from_dict(nodes)
