"""A task that is no part of nsslib: the mean square of the couplings of a realisation, counted row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from nsslib import couplings
from nsslib.errors import Terminated
from nsslib.grid.task import Task
from nsslib.storage import checkpoint, store


@dataclass(frozen=True)
class Norms(Task):
    """Sum over the rows of (g J0_ij)^2, times `scale`."""

    scale: float

    kind: ClassVar[str] = "norms"
    engine: ClassVar[str] = "toy_task"
    table: ClassVar[str] = "norms"

    @classmethod
    def of(cls, config: Any, block: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {"scale": float(settings["scale"])}

    @staticmethod
    def axes(config: Any, block: Any) -> dict[str, list[float]]:
        return {"g": block.g}

    def columns(self) -> tuple[int, int]:
        return len(self.g), len(self.g)

    def flop(self) -> float:
        return 2.0 * self.N**2 * len(self.g)

    def seconds(self) -> float:
        return 1.0

    def memory(self) -> float:
        return 8.0 * self.N**2

    def disk(self) -> float:
        return 16.0 * len(self.g)


def compute(shard: Norms, sitting: Any) -> xr.DataTree:
    """Sum row by row; a checkpoint after every row."""
    J0 = couplings(shard.N, shard.gamma, shard.seed)
    state, _ = checkpoint.load(sitting.checkpoint, shard.settings())
    first, total = (int(state["row"]), state["total"]) if state else (0, np.zeros(len(shard.g)))
    for row in range(first, shard.N):
        total = total + shard.scale * np.array(shard.g) ** 2 * np.sum(J0[row] ** 2)
        checkpoint.save(sitting.checkpoint, shard.settings(), {"row": np.array(row + 1), "total": total})
        sitting.on_step(row + 1, shard.N, 1.0, "")
        if reason := sitting.should_stop():
            raise Terminated(f"{reason}: stopped at row {row + 1}")
    norm = ("g", total / shard.N, {"long_name": "mean square of the couplings", "units": "1"})
    return xr.DataTree(xr.Dataset({"norm": norm}, {"g": list(shard.g)}))


def table(shard: Norms, path: Any, config: Any) -> xr.Dataset:
    """What was stored, known exactly."""
    with store.read(path, "shard", shard.fingerprint) as tree:
        data = tree.to_dataset().load()
    return data.assign(norm_err=xr.zeros_like(data["norm"]).assign_attrs(long_name="error", units="1"))
