"""From blocks to shards to columns: which disorder samples, which cells, which hidden ladder.

A shard is one disorder sample (gamma, N, seed) with all (g, beta, replica) of its block; one
matrix product advances them all. A batch is an aligned group of small shards that one job runs.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from itertools import pairwise, product
from statistics import NormalDist
from typing import Any

from nsslib.config import Config, Model, Sampler, canonical
from nsslib.errors import UserError
from nsslib.records import digest, named
from nsslib.version import KERNEL_VERSION

BATCH_FLOP = 6e12
"""Work of one job (a minute and a half at 70 GF/s) up to which small shards are run together."""

LARGEST_BATCH = 6
"""Binary logarithm of the largest number of shards in a job."""


def text(value: float) -> str:
    """One decimal text per value, for paths and labels: '0.3', never '0.30000000000000004'."""
    return f"{canonical(value):.12g}"


@dataclass(frozen=True)
class Ladder:
    """All values of one grid axis, hidden ones included.

    Attributes
    ----------
    values : tuple of float
        Increasing values of the axis.
    visible : tuple of int
        Positions of the values that the user asked for.
    """

    values: tuple[float, ...]
    visible: tuple[int, ...]


@cache
def beta_ladder(beta: tuple[float, ...], N: int, acceptance: float | None) -> Ladder:
    """Insert hidden betas so that neighbours exchange with about the given acceptance.

    E has N/2 quadratic degrees of freedom at every temperature, hence heat capacity N/2, and two
    Gaussian energies exchange with probability erfc(d ln(beta) sqrt(N/2) / 2).
    ``acceptance=None`` inserts nothing.
    """
    if acceptance is None:
        return Ladder(beta, tuple(range(len(beta))))
    widest = 2.0 * _erfc_inverse(acceptance) * math.sqrt(2.0 / N)
    counts = [math.ceil(math.log(b / a) / widest - 1e-9) for a, b in pairwise(beta)]
    return _fill(beta, counts, lambda a, b, t: a * (b / a) ** t)


@cache
def g_ladder(g: tuple[float, ...], N: int, acceptance: float | None, beta: float) -> Ladder:
    """Insert hidden g so that neighbours exchange with about the given acceptance at one beta, the smallest.

    Colder chains pass from g to g through hotter ones. dE/dg = -J0 phi(x).v with v nearly Gaussian of
    variance 1/beta, hence two neighbours exchange with probability erfc(dg sqrt(beta N q) / 2).
    ``acceptance=None`` inserts nothing.
    """
    if acceptance is None:
        return Ladder(g, tuple(range(len(g))))
    density = [0.5 * math.sqrt(N * beta * _activity(value, beta)) / _erfc_inverse(acceptance) for value in g]
    spans = zip(pairwise(g), pairwise(density), strict=True)
    counts = [max(1, math.ceil(0.5 * (b - a) * (at_a + at_b) - 1e-9)) for (a, b), (at_a, at_b) in spans]
    return _fill(g, counts, lambda a, b, t: a + (b - a) * t)


def _activity(g: float, beta: float) -> float:
    """Activity q of tanh at gamma = 0, a guess of it elsewhere: q = <tanh^2(x)>, x ~ N(0, 1/beta + g^2 q)."""
    nodes = [(z, math.exp(-0.5 * z * z)) for z in (0.2 * k for k in range(-30, 31))]
    total, q = sum(weight for _, weight in nodes), 1.0
    for _ in range(50):
        width = math.sqrt(1.0 / beta + g * g * q)
        q = sum(weight * math.tanh(width * z) ** 2 for z, weight in nodes) / total
    return q


def _erfc_inverse(p: float) -> float:
    return -NormalDist().inv_cdf(0.5 * p) / math.sqrt(2.0)


def _fill(values: tuple[float, ...], counts: list[int], between: Any) -> Ladder:
    """Split the interval after each value into `counts` parts."""
    filled, visible = [values[0]], [0]
    for a, b, count in zip(values, values[1:], counts, strict=False):
        filled += [canonical(between(a, b, k / count)) for k in range(1, count)] + [b]
        visible.append(len(filled) - 1)
    return Ladder(tuple(filled), tuple(visible))


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
        forces = sampler.leapfrogs if sampler.integrator == "hmc" else 1
        # A triangular product is half a product; kicks, one more than forces, and drifts take one each.
        triangles = 2 * forces + (2 if sampler.integrator == "baoab" else 1) if sampler.preconditioned else 0
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
    def stream(self) -> int:
        """Number that its random numbers start from.

        It hangs on all settings but how long to run and what to keep: a longer run of the same
        shard begins with the same numbers, another grid on the same couplings has its own.
        """
        settings = self.settings()
        for key in ("steps", "until", "save"):
            del settings["sampler"][key]
        return int(digest(settings)[:32], 16)

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


def axes(config: Config) -> dict[str, list[float]]:
    """Coordinates of the tables of a sweep: the union of all blocks."""
    keys = {"gamma": "gamma", "N": "N", "g": "g", "beta": "beta", "seed": "seeds"}
    return {
        axis: sorted({v for block in config.blocks.values() for v in getattr(block, key)}) for axis, key in keys.items()
    }


def origin(config: Config, gamma: float) -> tuple[float, float]:
    """g and beta of the cell that free energies at one reciprocity are relative to.

    The first of the cells that most shards have: a ladder without it has no free energies.
    """
    cells: Counter[tuple[float, float]] = Counter()
    for block in config.blocks.values():
        if gamma in block.gamma:
            cells.update(dict.fromkeys(product(block.g, block.beta), len(block.N) * len(block.seeds)))
    return min(cells, key=lambda cell: (-cells[cell], cell))


def config_record(config: Config) -> str:
    """Record that the config beside the results is this one."""
    return named("config", config.model_dump(mode="json"))


def theory_record(config: Config) -> str:
    """Record that the theory table is that of this grid."""
    union = axes(config)
    return named("theory", [config.model.model_dump(mode="json"), *(union[axis] for axis in ("gamma", "g", "beta"))])


@dataclass(frozen=True)
class Batch:
    """Shards of one (block, gamma, N) that one job runs one after another."""

    label: str
    shards: tuple[Shard, ...]

    @property
    def name(self) -> str:
        """The batch in logs and messages."""
        return f"{self.shards[0].place}/{self.label}"

    @cached_property
    def manifest(self) -> str:
        """What the job declares as its output, relative to the results: a record of its shards."""
        return named(self.name, [self.shards[0].settings(), [shard.seed for shard in self.shards]])

    @property
    def labels(self) -> set[str]:
        """Labels of all batches, of this size or another, that may hold one of these shards."""
        return {_label(shard.seed, 2**k) for shard in self.shards for k in range(LARGEST_BATCH + 1)}


def _label(seed: int, size: int) -> str:
    first = seed // size * size
    return f"seeds={first}-{first + size - 1}"


def batches(config: Config) -> list[Batch]:
    """Group shards into jobs.

    Batch k of a (block, gamma, N) holds the seeds in [k n, (k + 1) n), n a power of two (1 to 64)
    chosen by the work of one shard: adding seeds never moves the others to another job.
    """
    groups: dict[tuple[str, str], list[Shard]] = {}
    sizes: dict[str, int] = {}
    for shard in shards(config):
        place = shard.place
        if place not in sizes:
            sizes[place] = 2 ** min(max(math.floor(math.log2(BATCH_FLOP / shard.flop)), 0), LARGEST_BATCH)
        groups.setdefault((place, _label(shard.seed, sizes[place])), []).append(shard)
    return [Batch(label, tuple(members)) for (_, label), members in groups.items()]
