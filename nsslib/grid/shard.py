"""One disorder sample with all its columns: the unit of work, storage and resume."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from nsslib.config.schema import Config, Model, Sampler
from nsslib.config.schemes import SCHEMES
from nsslib.errors import UserError
from nsslib.grid.axes import text
from nsslib.grid.identity import digest
from nsslib.grid.ladder import Ladder, beta_ladder, g_ladder
from nsslib.version import KERNEL_VERSION


@dataclass(frozen=True)
class Shard:
    """One disorder sample with all its columns; the unit of work, storage and resume."""

    block: str
    gamma: float
    N: int
    seed: int
    g: tuple[float, ...]
    beta: tuple[float, ...]
    model: Model
    sampler: Sampler

    @cached_property
    def ladders(self) -> tuple[Ladder, Ladder]:
        """Ladders in g and in beta."""
        exchange = self.sampler.exchange
        aim = exchange.acceptance if exchange and exchange.hidden else None
        return (
            g_ladder(self.g, self.N, aim if exchange and exchange.g else None, self.beta[0]),
            beta_ladder(self.beta, self.N, aim if exchange and exchange.beta else None),
        )

    @property
    def columns(self) -> int:
        """Number of chains, hidden ones included."""
        g, beta = self.ladders
        return self.sampler.replicas * len(g.values) * len(beta.values)

    @property
    def products(self) -> int:
        """Products of an (N, N) matrix with all columns in the whole shard; two make a force evaluation."""
        sampler, exchange = self.sampler, self.sampler.exchange
        scheme = SCHEMES[sampler.integrator]
        forces = sampler.leapfrogs if scheme.trajectories else 1
        # A triangular product is half a product; kicks, one more than forces, and drifts take one each.
        triangles = forces * (1 + scheme.drifts) + 1 if sampler.preconditioned else 0
        regradient = 1.0 / exchange.every if exchange and exchange.g and len(self.g) > 1 else 0.0
        return math.ceil((sampler.burn_in + sampler.steps) * (2.0 * forces + 0.5 * triangles + regradient))

    @property
    def flop(self) -> float:
        """Floating-point operations of its matrix products."""
        return 2.0 * self.N**2 * self.columns * self.products

    @property
    def label(self) -> str:
        """Name of the shard in messages."""
        return f"{self.block} gamma={text(self.gamma)} N={self.N} seed={self.seed}"

    @property
    def place(self) -> str:
        """Directory of the shards of this (block, gamma, N), relative to the results."""
        return f"{self.block}/gamma={text(self.gamma)}/N={self.N}"

    @property
    def path(self) -> str:
        """Store of the shard, relative to the results."""
        return f"shards/{self.place}/seed={self.seed}.zarr"

    def settings(self) -> dict[str, Any]:
        """Everything the numbers depend on, JSON-ready."""
        plain = asdict(self) | {
            "model": self.model.model_dump(mode="json"),
            "sampler": self.sampler.model_dump(mode="json"),
            "kernel": KERNEL_VERSION,
        }
        del plain["block"]
        return json.loads(json.dumps(plain))

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Shard:
        """Shard of a block and the `settings` of a shard, as a workflow passes them on.

        Raises
        ------
        UserError
            If the settings were made by another kernel version.
        """
        fields = {k: v for k, v in settings.items() if k != "kernel"}
        if settings["kernel"] != KERNEL_VERSION:
            raise UserError(
                f"kernel version {settings['kernel']} was planned, this nsslib is {KERNEL_VERSION}; plan again"
            )
        fields |= {"g": tuple(fields["g"]), "beta": tuple(fields["beta"])}
        fields |= {"model": Model(**fields["model"]), "sampler": Sampler(**fields["sampler"])}
        return cls(**fields)

    @property
    def stream(self) -> str:
        """What all its random numbers depend on: the realisation, and `thermal_seed`.

        Those of a chain depend on the point (g, beta) and the replica that it starts from besides, on nothing
        else: neither on other points of the grid nor on how long the run is.
        """
        return f"{self.gamma!r} {self.N} {self.seed} {self.model.diagonal} {self.sampler.thermal_seed}"

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of `settings`: two shards with the same one hold the same numbers."""
        return digest(self.settings())


def shards(config: Config) -> Iterator[Shard]:
    """All shards of a config, block by block."""
    for name, block in config.blocks.items():
        for gamma in block.gamma:
            for N in block.N:
                for seed in block.seeds:
                    yield Shard(name, gamma, N, seed, tuple(block.g), tuple(block.beta), config.model, config.sampler)
