"""Tables of disorder samples with known values, as the reduction makes them."""

import numpy as np
import xarray as xr

DIMS = ("gamma", "N", "g", "beta", "seed")


def tables(coords, **values):
    """(order parameters, per seed): every cell converged; values: arrays that broadcast to DIMS."""
    shape = tuple(len(coords[d]) for d in DIMS)
    seeds = xr.Dataset({k: (DIMS, np.broadcast_to(v, shape).copy()) for k, v in values.items()}, coords)
    table = seeds.mean("seed")
    table["n_seeds"] = (DIMS[:-1], np.full(shape[:-1], shape[-1]))
    table["converged"] = (DIMS[:-1], np.ones(shape[:-1]))
    return table, seeds


def coverage(found, name, true):
    """Shares of the 68 % and 95 % intervals that hold the true value."""
    within = abs(found[name] - true) <= found[f"{name}_err"]
    interval = found[f"{name}_interval"]
    far = (interval.sel(bound="low") <= true) & (true <= interval.sel(bound="high"))
    return float(within.mean()), float(far.mean())
