"""The task of sampling: exp(-beta E) on all (g, beta, replica) of a realisation, advanced together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, ClassVar

from nsslib.config.schema import Block, Config, Sampler
from nsslib.config.schemes import SCHEMES
from nsslib.grid.ladder import Ladder, beta_ladder, g_ladder
from nsslib.grid.task import Task, shards, task_of
from nsslib.model.observables import OBSERVABLES

FLOP_RATE = 10e9
"""Matrix products of one core: a quarter of what AVX2 cores reach with float64, for slow and for shared ones."""
SECONDS_PER_ELEMENT = 2e-8
"""Everything else in a force evaluation, for a unit of a column: tanh, random numbers, recording."""
SECONDS_PER_STEP = 2e-3
"""What a step costs however small it is."""


@dataclass(frozen=True)
class Sampling(Task):
    """A realisation sampled at all (g, beta), intermediate points of the ladder included.

    Attributes
    ----------
    beta : tuple of float
        Inverse temperatures.
    sampler : Sampler
    observables : tuple of str
        Observables of the user's, each ``module:function``.
    """

    beta: tuple[float, ...]
    sampler: Sampler
    observables: tuple[str, ...] = ()

    kind: ClassVar[str] = "sampling"
    engine: ClassVar[str] = "nsslib.tasks.sampling"
    table: ClassVar[str] = "order_parameters"

    @classmethod
    def of(cls, config: Config, block: Block, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Own fields of the shards of a block."""
        return {"beta": tuple(block.beta), "sampler": config.sampler, "observables": tuple(config.observables)}

    @staticmethod
    def axes(config: Config, block: Block) -> dict[str, list[float]]:
        """Coordinates of its table beside gamma, N and seed."""
        return {"g": block.g, "beta": block.beta}

    @cached_property
    def ladders(self) -> tuple[Ladder, Ladder]:
        """Ladders in g and in beta."""
        exchange = self.sampler.exchange
        aim = exchange.acceptance if exchange and exchange.intermediate else None
        return (
            g_ladder(self.g, self.N, aim if exchange and exchange.g else None, self.beta[0]),
            beta_ladder(self.beta, self.N, aim if exchange and exchange.beta else None),
        )

    @property
    def points(self) -> int:
        """Number of (g, beta) that the user asked for."""
        return len(self.g) * len(self.beta)

    @property
    def steps(self) -> int:
        """Steps of the whole shard."""
        return self.sampler.burn_in + self.sampler.steps

    def columns(self) -> tuple[int, int]:
        """Number of chains, those at intermediate points of the ladder included and not."""
        g, beta = self.ladders
        return self.sampler.replicas * len(g.values) * len(beta.values), self.sampler.replicas * self.points

    @property
    def products(self) -> int:
        """Products of an (N, N) matrix with all columns in the whole shard; two make a force evaluation."""
        sampler, exchange = self.sampler, self.sampler.exchange
        scheme = SCHEMES[sampler.integrator]
        forces = sampler.n_leapfrog if scheme.trajectories else 1
        # A triangular product is half a product; kicks, one more than forces, and drifts take one each.
        triangles = forces * (1 + scheme.drifts) + 1 if sampler.preconditioned else 0
        regradient = 1.0 / exchange.every if exchange and exchange.g and len(self.g) > 1 else 0.0
        return math.ceil(self.steps * (2.0 * forces + 0.5 * triangles + regradient))

    def flop(self) -> float:
        """Floating-point operations of its matrix products."""
        return 2.0 * self.N**2 * self.columns()[0] * self.products

    def seconds(self) -> float:
        """Core-seconds that it does not exceed."""
        elements = 0.5 * self.N * self.columns()[0] * self.products
        return self.flop() / FLOP_RATE + SECONDS_PER_ELEMENT * elements + SECONDS_PER_STEP * self.steps

    def memory(self) -> float:
        """Bytes while it is sampled and stored."""
        item = 8 if self.sampler.precision == "float64" else 4
        state = 12 * item * self.columns()[0] * self.N + (8 + 4 * item) * self.N**2
        scratch = 10 * 8 * self.columns()[1] * self.N
        # The series in float64, and twice more while a checkpoint is put together.
        numbers, trajectory = self._stored()
        return state + scratch + 24 * numbers + 2 * trajectory

    def disk(self) -> float:
        """Bytes of its store before compression."""
        numbers, trajectory = self._stored()
        return 4 * numbers + trajectory

    def _stored(self) -> tuple[int, int]:
        """How many numbers its series have, and the bytes of its trajectories."""
        sampler, save = self.sampler, self.sampler.save
        of_kind = Counter(entry.kind for entry in OBSERVABLES.values() if entry.recorded)
        single = of_kind["single"] + of_kind["state"] + len(self.observables)
        series = single * sampler.replicas + of_kind["pair"] * math.comb(sampler.replicas, 2)
        frames = sampler.steps // save.trajectories if save.trajectories else 0
        return sampler.steps // save.observables * self.points * series, 4 * frames * self.columns()[1] * self.N

    def continues(self, settings: Mapping[str, Any]) -> bool:
        """Whether a store with these settings is the same shard with fewer steps."""
        longer = deepcopy(dict(settings))
        if longer.get("task") != self.kind or longer["sampler"]["steps"] >= self.sampler.steps:
            return False
        longer["sampler"]["steps"] = self.sampler.steps
        return longer == self.settings()

    @property
    def stream(self) -> str:
        """What all its random numbers depend on: the realisation, and `thermal_seed`.

        Those of a chain depend on the point (g, beta) and the replica that it starts from besides, on nothing
        else: neither on other points of the grid nor on how long the run is.
        """
        return f"{self.gamma!r} {self.N} {self.seed} {self.model.diagonal} {self.sampler.thermal_seed}"


def sampled(config: Config) -> Iterator[Sampling]:
    """Shards of a config that are sampled."""
    return (shard for shard in shards(config) if isinstance(shard, Sampling))


def reference_point(config: Config, gamma: float) -> tuple[float, float]:
    """The point (g, beta) that free energies at one reciprocity are relative to.

    The first of the points that most shards have: a ladder without it has no free energies.
    """
    points: Counter[tuple[float, float]] = Counter()
    for block in config.blocks.values():
        if gamma in block.gamma and task_of(block) is Sampling:
            points.update(dict.fromkeys(product(block.g, block.beta), len(block.N) * len(block.seeds)))
    return min(points, key=lambda point: (-points[point], point))
