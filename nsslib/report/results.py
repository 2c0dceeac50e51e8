"""Results of a sweep as figures read them: every table is opened and verified once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from nsslib.config.schema import Config
from nsslib.grid.sampling import Sampling
from nsslib.storage import store
from nsslib.theory.replica import solve


class Tables:
    """Tables in the directory of a sweep, each verified when it is first read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._trees: dict[str, xr.DataTree] = {}

    def read(self, kind: str, group: str = "/") -> xr.Dataset:
        """Load a group of a table: "order_parameters", "theory" or "fits"."""
        if kind not in self._trees:
            self._trees[kind] = store.read(self.path / f"{kind}.zarr", kind)
        return xr.DataTree.to_dataset(self._trees[kind][group]).load()  # type: ignore[arg-type]


class Results(Tables):
    """Tables, shards and replica theory of a sweep."""

    def __init__(self, path: Path, config: Config) -> None:
        super().__init__(path)
        self.config = config

    def at(self, gamma: float, kind: str, group: str = "/") -> xr.Dataset:
        """A table at one gamma: the sizes, couplings and temperatures that were sampled there."""
        sampled = self.read("order_parameters")["n_seeds"].sel(gamma=gamma) > 0
        table = self.read(kind, group).sel(gamma=gamma)
        kept = {d: sampled.any([other for other in sampled.dims if other != d]) for d in sampled.dims}
        return table.isel({d: np.flatnonzero(values) for d, values in kept.items() if d in table.dims})

    def shard(self, shard: Sampling) -> xr.DataTree:
        """Open the store of a shard."""
        return store.read(self.path / shard.path, "shard", shard.fingerprint)

    def theory(self, gamma: float, g: ArrayLike, beta: ArrayLike) -> xr.Dataset:
        """Curves of replica theory, dims (g, beta)."""
        return solve(g, beta, gamma, eta=self.config.model.eta, phi=self.config.model.phi)
