"""The seam of tasks: a realisation of the couplings, and what is computed on it.

A shard of a sweep is one `Task`. Stores, batches, manifests, resume, status and executors know nothing else of it.
Here is the light half, which planning reads: settings and cost. The heavy half is a module, named by `engine`:

    compute(shard, sitting) -> DataTree     the numbers; `nsslib.grid.sitting` is what it may use
    table(shard, store) -> Dataset          what a table of the sweep holds of a finished shard, dims as in `axes`
    join(tables, config) -> dict            groups of that table, from (shard, table) pairs; optional
    measure(shard) -> float                 core-seconds of a shard on this machine; optional

A block of a config names its task: ``task: {name: {settings}}``, one of `TASKS` or ``module:class``.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

from nsslib.config.plugins import load
from nsslib.config.schema import Block, Config, Model
from nsslib.errors import UserError, suggest
from nsslib.grid.axes import text
from nsslib.grid.identity import digest
from nsslib.version import KERNEL_VERSION

TASKS = {"sampling": "nsslib.grid.sampling:Sampling"}
"""Tasks of the library by name."""


@dataclass(frozen=True)
class Task(ABC):
    """One realisation with what is computed on it; the unit of work, storage and resume.

    A subclass is a frozen dataclass whose own fields, JSON-ready or pydantic models, are its settings.

    Attributes
    ----------
    block : str
        Block of the config.
    gamma, N, seed
        The realisation.
    g : tuple of float
        Coupling strengths.
    model : Model
    """

    block: str
    gamma: float
    N: int
    seed: int
    g: tuple[float, ...]
    model: Model

    kind: ClassVar[str]
    """Name of the task."""
    engine: ClassVar[str]
    """Module of its heavy half."""
    table: ClassVar[str]
    """Name of its table among the results."""

    @classmethod
    @abstractmethod
    def of(cls, config: Config, block: Block, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Own fields of the shards of a block, from its config; a ValueError says what is wrong."""

    @staticmethod
    @abstractmethod
    def axes(config: Config, block: Block) -> dict[str, list[float]]:
        """Coordinates of its table beside gamma, N and seed."""

    @abstractmethod
    def columns(self) -> tuple[int, int]:
        """Number of columns that are advanced together, and of those that the user asked for."""

    @abstractmethod
    def flop(self) -> float:
        """Floating-point operations of its matrix products, which batches are made by."""

    @abstractmethod
    def seconds(self) -> float:
        """Core-seconds that it does not exceed on a processor of the last ten years, start-up apart."""

    @abstractmethod
    def memory(self) -> float:
        """Bytes that it needs beside the interpreter."""

    @abstractmethod
    def disk(self) -> float:
        """Bytes of its store before compression."""

    def continues(self, settings: Mapping[str, Any]) -> bool:
        """Whether a store with these settings is a shorter run, from which this one can go on."""
        return False

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

    @property
    def checkpoint(self) -> str:
        """Checkpoint of the shard, relative to the results."""
        return f"checkpoints/shards/{self.place}/seed={self.seed}.npz"

    def settings(self) -> dict[str, Any]:
        """Everything the numbers depend on, JSON-ready."""
        plain = asdict(self) | {"task": self.kind, "kernel": KERNEL_VERSION}
        del plain["block"]
        return json.loads(json.dumps(plain, default=lambda model: model.model_dump(mode="json")))

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of `settings`: two shards with the same one hold the same numbers."""
        return digest(self.settings())


@cache
def task_class(name: str) -> type[Task]:
    """Class of a task by its name, or ``module:class``.

    Raises
    ------
    UserError
        If there is none.
    """
    if name not in TASKS and ":" not in name:
        raise UserError(f"task: unknown task {name!r}{suggest(name, TASKS)}")
    try:
        found = load(TASKS.get(name, name))
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            f"task: {name}: {error}; give one of {', '.join(TASKS)}, or an importable module:class"
        ) from None
    if not (isinstance(found, type) and issubclass(found, Task)):
        raise UserError(f"task: {name}: is no subclass of nsslib.grid.task.Task")
    return found


def task_of(block: Block) -> type[Task]:
    """Class of the task of a block."""
    return task_class(next(iter(block.task)))


def shards(config: Config) -> Iterator[Task]:
    """All shards of a config, block by block."""
    for name, block in config.blocks.items():
        task = task_of(block)
        own = task.of(config, block, next(iter(block.task.values())))
        for gamma in block.gamma:
            for N in block.N:
                for seed in block.seeds:
                    yield task(name, gamma, N, seed, tuple(block.g), config.model, **own)


def axes(config: Config, kind: str = "sampling") -> dict[str, list[float]]:
    """Coordinates of the table of a task: the union of all its blocks."""
    union: dict[str, set[float]] = {}
    for block in config.blocks.values():
        task = task_of(block)
        if task.kind == kind:
            of_block: dict[str, list[float]] = {"gamma": block.gamma, "N": [*block.N], **task.axes(config, block)}
            of_block["seed"] = [*block.seeds]
            for axis, values in of_block.items():
                union.setdefault(axis, set()).update(values)
    return {axis: sorted(values) for axis, values in union.items()}


def tasks(config: Config) -> list[type[Task]]:
    """Tasks of a config, sampling first."""
    found = dict.fromkeys(task_of(block) for block in config.blocks.values())
    return sorted(found, key=lambda task: task.kind != "sampling")


def engine(task: Task | type[Task]) -> Any:
    """Heavy half of a task."""
    return load(task.engine)
