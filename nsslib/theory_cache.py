"""Theory tables kept on disk by content: a grid that was solved once is read, not solved again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from nsslib import store, theory
from nsslib.theory.replica import Told, axis
from nsslib.version import __version__


def directory() -> Path:
    """Where tables are kept: ``NSSLIB_CACHE``, or ``nsslib/theory`` in the user's cache."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("NSSLIB_CACHE") or base / "nsslib" / "theory")


def solve_cached(
    g: ArrayLike, beta: ArrayLike, gamma: ArrayLike = 0.0, told: Told = lambda done, total: None, **options: Any
) -> xr.Dataset:
    """`nsslib.solve`, from disk where the same grid was solved before by the same equations.

    Every gamma is a table of its own: what an interrupted run has finished is found again.

    Parameters
    ----------
    g, beta, gamma
        As for `nsslib.solve`.
    told : callable
        As for `nsslib.solve`.
    **options
        eta, phi, branch and tol of `nsslib.solve`; with a phi that is not a name nothing is kept.

    Returns
    -------
    Dataset
        That of `nsslib.solve`.
    """
    if np.ndim(gamma) == 0:
        return _kept(g, beta, gamma, told, options)
    gammas, size = axis("gamma", gamma), np.size(g) * np.size(beta)
    rows = []
    for k, value in enumerate(gammas.tolist()):
        rows.append(
            _kept(g, beta, value, lambda done, _, k=k: told(k * size + done, len(gammas) * size), options)  # type: ignore[misc]
        )
    table = xr.concat(rows, "gamma", join="exact", data_vars="all")
    return table.transpose(*(d for d in ("branch", "gamma", "g", "beta") if d in table.dims))


def _kept(g: ArrayLike, beta: ArrayLike, gamma: ArrayLike, told: Told, options: dict[str, Any]) -> xr.Dataset:
    """Read one table, or solve and keep it."""
    if not isinstance(options.get("phi", ""), str):
        # Functions have no content to go by.
        return theory.solve(g, beta, gamma, told=told, **options)
    path = directory() / f"{_key(g, beta, gamma, options)}.zarr"
    try:
        with store.read(path, "theory") as tree:
            table = tree.to_dataset().load()
        told(np.size(g) * np.size(beta), np.size(g) * np.size(beta))
        return table
    except store.StoreError:
        pass
    table = theory.solve(g, beta, gamma, told=told, **options)
    tree = xr.DataTree(table)
    tree.attrs = dict(table.attrs)
    # A cache that cannot be written costs time, not the result.
    with contextlib.suppress(store.StoreError):
        store.publish(tree, path, "theory")
    return table


def _key(g: ArrayLike, beta: ArrayLike, gamma: ArrayLike, options: dict[str, Any]) -> str:
    """sha256 of the arguments and of the sources that turn them into numbers."""
    here = Path(theory.__file__).parent
    sources = b"\0".join(p.read_bytes() for p in [*sorted(here.glob("*.py")), here.parent / "model.py"])
    arguments = {k: np.asarray(v, float).tolist() for k, v in {"g": g, "beta": beta, "gamma": gamma}.items()} | options
    text = json.dumps([__version__, arguments], sort_keys=True, default=str)
    return hashlib.sha256(text.encode() + b"\0" + sources).hexdigest()[:32]
