"""A shard as labelled data: the dataset contract of its store."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from nsslib.config.schemes import SCHEMES
from nsslib.grid.sampling import Sampling
from nsslib.model.observables import pairs, resolve
from nsslib.sampling.run import Record
from nsslib.storage.checkpoint import State

_COORDINATES = {
    "g": "coupling strength",
    "beta": "inverse temperature",
    "replica": "independent chain on the same couplings",
    "pair": "pair of replicas",
    "draw": "step of the sampler, counted from the end of burn-in",
    "unit": "unit of the network",
}


def to_tree(shard: Sampling, record: Record) -> xr.DataTree:
    """Label what sampling returned.

    Returns
    -------
    DataTree
        /observables (draw, replica | pair, g, beta), /diagnostics, /state, and /trajectories (draw, replica,
        g, beta, unit) where any are kept.
    """
    recorder = record.recorder
    single = {k: (("draw", "replica", "g", "beta"), v.astype(np.float32)) for k, v in recorder.single.items()}
    pair = {k: (("draw", "pair", "g", "beta"), v.astype(np.float32)) for k, v in recorder.pair.items()}
    cells, entries = _coordinates(shard), {entry.name: entry for entry in resolve(shard.observables)}
    observables = xr.Dataset(single | pair, cells | {"draw": recorder.steps})
    for name in observables.data_vars:
        observables[name].attrs = entries[str(name)].attrs
    nodes = {
        "/": xr.Dataset(coords=_scalars(shard)),
        "/observables": observables,
        "/diagnostics": _diagnostics(shard, record),
        "/state": _state(record),
    }
    if recorder.x.size:
        nodes["/trajectories"] = _trajectories(shard, record, cells)
    tree = xr.DataTree.from_dict(nodes)
    for node in tree.subtree:
        for name, words in _COORDINATES.items():
            if name in node.dataset.coords:
                node.coords[name].attrs.update(long_name=words, units="1")
    tree.attrs = _attributes(shard, record)
    return tree


def _state(record: Record) -> xr.Dataset:
    """Where the sampler stands: read by a longer run that goes on, no data."""
    arrays = {k: v for k, v in record.state.items() if k != "wall_time"}
    data = {k: (tuple(f"{k}_{axis}" for axis in range(v.ndim)), v) for k, v in arrays.items()}
    return xr.Dataset(data, attrs={"long_name": "state of the sampler after its last step, to go on from"})


def saved_state(tree: xr.DataTree) -> State:
    """What `run` needs to go on from the end of a stored shard."""
    state = {str(k): v.values for k, v in tree["state"].dataset.variables.items()}
    series = tree["observables"].dataset
    for name, values in series.data_vars.items():
        state[f"{'pair' if 'pair' in values.dims else 'single'}.{name}"] = values.values
    if "trajectories" in tree.children:
        state["x"] = tree["trajectories/x"].values
    return state | {"wall_time": np.array(tree.attrs["wall_time_s"])}


def _trajectories(shard: Sampling, record: Record, cells: dict[str, Any]) -> xr.Dataset:
    recorder = record.recorder
    coords = {k: v for k, v in cells.items() if not k.startswith("pair")}
    coords |= {"draw": recorder.x_steps, "unit": np.arange(shard.N)}
    attrs = {"long_name": "state of the network", "units": "1", "estimator": "x, thinned draws of the series"}
    return xr.Dataset({"x": (("draw", "replica", "g", "beta", "unit"), recorder.x, attrs)}, coords)


def _scalars(shard: Sampling) -> dict[str, Any]:
    named = {"gamma": "reciprocity of the couplings", "N": "number of units", "seed": "disorder sample"}
    return {k: ((), getattr(shard, k), {"long_name": words, "units": "1"}) for k, words in named.items()}


def _coordinates(shard: Sampling) -> dict[str, Any]:
    replica = np.arange(shard.sampler.replicas)
    a, b = np.array(pairs(len(replica))).T
    return {
        "replica": replica,
        "hot": ("replica", replica % 2 == 1, {"long_name": "started from x ~ N(0, 1) instead of x = 0"}),
        "g": np.array(shard.g),
        "beta": np.array(shard.beta),
        "pair": np.arange(len(a)),
        "pair_a": ("pair", a, {"long_name": "first replica of the pair"}),
        "pair_b": ("pair", b, {"long_name": "second replica of the pair"}),
    }


def _diagnostics(shard: Sampling, record: Record) -> xr.Dataset:
    """Acceptance, step sizes and exchange on the whole ladder, intermediate points included."""
    g, beta = (np.array(ladder.values) for ladder in shard.ladders)
    visible_g, visible_beta = (np.isin(np.arange(len(x.values)), x.visible) for x in shard.ladders)
    data = xr.Dataset(
        {
            "acceptance": (("replica", "g", "beta"), record.acceptance),
            "step_size": (("g", "beta"), record.step_size),
            "stopped": (("replica", "g", "beta"), record.stopped),
            "exchange_beta": (("g", "beta_link"), record.exchange_beta),
            "exchange_g": (("g_link", "beta"), record.exchange_g),
            "log_z_beta": (("replica", "g", "beta_link"), record.log_z_beta),
            "log_z_g": (("replica", "g_link", "beta"), record.log_z_g),
            "round_trips": (("axis", "chain"), record.trips),
        },
        {
            "replica": np.arange(shard.sampler.replicas),
            "g": g,
            "beta": beta,
            "g_visible": ("g", visible_g),
            "beta_visible": ("beta", visible_beta),
            "g_link": 0.5 * (g[1:] + g[:-1]),
            "beta_link": np.sqrt(beta[1:] * beta[:-1]),
        },
    )
    words = {
        "acceptance": "mean acceptance probability of the integrator",
        "step_size": "integration step, frozen after burn-in",
        "stopped": "step at which a chain diverged and was stopped; 0: it did not",
        "exchange_beta": "acceptance of exchange with the next beta",
        "exchange_g": "acceptance of exchange with the next g",
        "log_z_beta": "log of Z at the next beta over Z, by Bennett's acceptance ratio",
        "log_z_g": "log of Z at the next g over Z, by Bennett's acceptance ratio",
        "round_trips": "round trips of every chain: axis 0 along beta, axis 1 along g",
        "g_visible": "a g of the user's grid; others are intermediate points of the ladder",
        "beta_visible": "a beta of the user's grid; others are intermediate points of the ladder",
        "g_link": "middle of two neighbouring g",
        "beta_link": "geometric middle of two neighbouring beta",
    }
    for name, long_name in words.items():
        data[name].attrs = {"long_name": long_name, "units": "1"}
    return data


def _attributes(shard: Sampling, record: Record) -> dict[str, Any]:
    sampler = shard.sampler
    order = SCHEMES[sampler.integrator].bias_order
    with np.errstate(invalid="ignore"):
        rates = {k: getattr(record, f"exchange_{k}") for k in ("beta", "g")}
    return {
        "sampler": sampler.integrator,
        "exact": "yes" if order is None else f"no: bias of order {order} in the step size",
        "steps": record.steps,
        "burn_in": sampler.burn_in,
        "columns": shard.columns()[0],
        "acceptance": float(record.acceptance.mean()),
        **{
            f"exchange_rate_{k}": float(v.mean()) if v.size and np.isfinite(v).all() else "none"
            for k, v in rates.items()
        },
        "wall_time_s": round(record.wall_time, 3),
    }
