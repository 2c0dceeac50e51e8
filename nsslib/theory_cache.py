"""Theory tables kept on disk by content: a grid that was solved once is read, not solved again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from nsslib import store, theory
from nsslib.version import __version__

Told = Callable[[int, int], None]
"""``told(done, total)``: rows of the grid solved so far."""


def directory() -> Path:
    """Where tables are kept: ``NSSLIB_CACHE``, or ``nsslib/theory`` in the user's cache."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("NSSLIB_CACHE") or base / "nsslib" / "theory")


def solve_cached(
    g: ArrayLike, beta: ArrayLike, gamma: ArrayLike = 0.0, told: Told = lambda done, total: None, **options: Any
) -> xr.Dataset:
    """`nsslib.solve`, from disk where the same grid was solved before by the same equations.

    Parameters
    ----------
    g, beta, gamma
        As for `nsslib.solve`.
    told : callable
        Told after every row (gamma, g) of the grid.
    **options
        eta, phi, branch and tol of `nsslib.solve`.

    Returns
    -------
    Dataset
        That of `nsslib.solve`; grid points do not depend on each other, so rows are solved one by one.
    """
    path = directory() / f"{_key(g, beta, gamma, options)}.zarr"
    try:
        with store.read(path, "theory") as tree:
            return tree.to_dataset().load()
    except store.StoreError:
        pass
    gammas, gs = np.atleast_1d(np.asarray(gamma, float)), np.atleast_1d(np.asarray(g, float))
    rows: list[xr.Dataset] = []
    for a in gammas:
        cells = []
        for b in gs:
            cells.append(theory.solve(b, beta, a, **options))
            told(len(rows) * len(gs) + len(cells), len(gammas) * len(gs))
        rows.append(xr.concat(cells, "g", join="exact", data_vars="all") if np.ndim(g) else cells[0])
    table = xr.concat(rows, "gamma", join="exact", data_vars="all") if np.ndim(gamma) else rows[0]
    wanted = [d for d in ("branch", "gamma", "g", "beta") if d in table.dims]
    table = table.transpose(*wanted)
    tree = xr.DataTree(table)
    tree.attrs = dict(table.attrs)
    store.publish(tree, path, "theory")
    return table


def _key(g: ArrayLike, beta: ArrayLike, gamma: ArrayLike, options: dict[str, Any]) -> str:
    """sha256 of the arguments and of the sources that turn them into numbers."""
    here = Path(theory.__file__).parent
    sources = b"\0".join(p.read_bytes() for p in [*sorted(here.glob("*.py")), here.parent / "model.py"])
    arguments = {k: np.asarray(v, float).tolist() for k, v in {"g": g, "beta": beta, "gamma": gamma}.items()} | options
    text = json.dumps([__version__, arguments], sort_keys=True, default=str)
    return hashlib.sha256(text.encode() + b"\0" + sources).hexdigest()[:32]
