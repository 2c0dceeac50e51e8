"""The configuration of a sweep: closed pydantic models, the only source of schema and default.

Reading and writing files is `nsslib.config.files`; nothing heavy is imported here, because
every job of a workflow starts by parsing its config.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import combinations, pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from nsslib.config.schemes import SCHEMES, Name

MOST_VALUES = 100_000
"""Of a linspace or geomspace."""
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"


def canonical(value: float) -> float:
    """Round to 12 significant digits: one number, one text, on every grid."""
    return float(f"{value:.12g}") + 0.0  # no negative zero


def _grid(value: Any) -> Any:
    """Expand ``{linspace: [a, b, n]}`` and ``{geomspace: [a, b, n]}`` into a list of canonical values."""
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, Mapping) or len(value) != 1 or next(iter(value)) not in ("linspace", "geomspace"):
        raise ValueError(f"give a list, or one of linspace, geomspace: [first, last, count], not {value!r}")
    ((kind, span),) = value.items()
    numbers = isinstance(span, list | tuple) and all(type(v) in (int, float) and abs(v) < 1e300 for v in span)
    if not numbers or len(span) != 3:
        raise ValueError(f"{kind} takes [first, last, count], three finite numbers, not {span!r}")
    first, last, count = span
    if count != int(count) or not 2 <= count <= MOST_VALUES:
        raise ValueError(f"{kind} count {count} is not an integer from 2 to {MOST_VALUES}")
    if kind == "geomspace" and not (first > 0 and last > 0):
        raise ValueError("geomspace needs first > 0 and last > 0")
    fractions = [i / (int(count) - 1) for i in range(int(count))]
    if kind == "geomspace":
        return [canonical(first * (last / first) ** t) for t in fractions]
    # Differences of rounded numbers miss a zero inside the grid by a hair.
    smallest = 1e-12 * max(abs(first), abs(last))
    return [canonical(v) if abs(v := first + (last - first) * t) > smallest else 0.0 for t in fractions]


def _spaced(number: Any) -> BeforeValidator:
    """`_grid` with the JSON schema of what it reads: an editor must not mark a linspace as wrong."""
    span = tuple[number, number, Annotated[int, Field(ge=2, le=MOST_VALUES)]]
    space = Annotated[dict[Literal["linspace", "geomspace"], span], Field(min_length=1, max_length=1)]
    return BeforeValidator(_grid, json_schema_input_type=Annotated[list[number], Field(min_length=1)] | space)


def _switch(value: Any) -> Any:
    """Read true as the default settings and false as none."""
    if isinstance(value, bool):
        return {} if value else None
    return value


def _seeds(value: Any) -> Any:
    """Expand a count into the seeds 0, 1, ..., count - 1."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= 1_000_000:
            raise ValueError(f"{value} seeds; give a count >= 1 or a list")
        return list(range(value))
    return value


def _increasing(values: list[Any]) -> list[Any]:
    if any(b <= a for a, b in pairwise(values)):
        raise ValueError("values must be strictly increasing (no repeats)")
    return values


def _distinct(values: list[Any]) -> list[Any]:
    repeated = sorted(v for v, count in Counter(values).items() if count > 1)
    if repeated:
        raise ValueError(f"values are repeated: {', '.join(map(str, repeated))}")
    return values


Gamma = Annotated[float, Field(ge=-1.0, le=1.0), AfterValidator(canonical)]
G = Annotated[float, Field(ge=0.0, le=100.0), AfterValidator(canonical)]
Beta = Annotated[float, Field(ge=1e-6, le=1e8), AfterValidator(canonical)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class _Closed(BaseModel):
    """Strict types, finite numbers, no unknown keys, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Model(_Closed):
    """The network and its quasi-potential."""

    phi: Literal["tanh", "erf", "linear"] = Field("tanh", description="transfer function: tanh, erf or linear")
    eta: float = Field(0.0, ge=0.0, description="confining term eta |x|^2, >= 0")
    diagonal: Literal["zero", "iid"] = Field("zero", description="self-couplings: zero or iid (variance 1/N)")


class Block(_Closed):
    """One rectangular grid; every (gamma, N, seed) of it is a shard holding all (g, beta)."""

    gamma: Annotated[list[Gamma], _spaced(Gamma), AfterValidator(_increasing)] = Field(
        [0.0], min_length=1, description="reciprocity of the couplings, each in [-1, 1]"
    )
    N: Annotated[list[Annotated[int, Field(ge=1, le=65536)]], AfterValidator(_increasing)] = Field(
        min_length=1, description="numbers of units"
    )
    g: Annotated[list[G], _spaced(G), AfterValidator(_increasing)] = Field(
        min_length=1, description="coupling strengths: a list, linspace or geomspace [first, last, count]"
    )
    beta: Annotated[list[Beta], _spaced(Beta), AfterValidator(_increasing)] = Field(
        [], description="inverse temperatures: a list, linspace or geomspace [first, last, count]"
    )
    seeds: Annotated[
        list[Seed],
        BeforeValidator(_seeds, json_schema_input_type=Annotated[int, Field(ge=1)] | list[Seed]),
        AfterValidator(_distinct),
    ] = Field(min_length=1, description="disorder samples: a count, or a list of seeds")
    task: dict[str, dict[str, Any]] = Field(
        {"sampling": {}},
        min_length=1,
        max_length=1,
        description="what is computed: sampling, or module:class of a task",
    )

    @model_validator(mode="after")
    def _complete(self) -> Block:
        if "sampling" in self.task and not self.beta:
            raise ValueError("beta: required key is missing")
        return self


class Save(_Closed):
    """Cadence of what is stored, in steps of the sampler."""

    observables: int = Field(2, ge=1, description="every how many steps the observables are recorded")
    trajectories: int = Field(
        100, ge=0, description="every how many steps x is stored (0: never); a multiple of observables"
    )

    @model_validator(mode="after")
    def _aligned(self) -> Save:
        if self.trajectories % self.observables:
            raise ValueError(
                f"trajectories: {self.trajectories} is no multiple of observables = {self.observables}; "
                "x is stored at draws of the series"
            )
        return self


class Exchange(_Closed):
    """Replica exchange between neighbouring columns."""

    beta: bool = Field(True, description="exchange between neighbours in beta")
    g: bool = Field(True, description="exchange between neighbours in g")
    every: int = Field(1, ge=1, description="steps between two rounds of exchange")
    acceptance: float = Field(
        0.25,
        gt=0.0,
        lt=1.0,
        description="exchange rate that intermediate columns between wide neighbours aim at",
    )
    intermediate: bool = Field(
        True, description="insert intermediate columns where neighbours of the grid are too far apart"
    )


class StopWhen(_Closed):
    """Diagnostics that end a shard before its budget of steps."""

    ess: float = Field(100.0, gt=0.0, description="effective samples of q that every cell must reach")
    rhat: float = Field(1.05, gt=1.0, description="largest split R-hat of q")
    cold_hot: float = Field(4.0, gt=0.0, description="largest difference of cold and hot starts, in its errors")
    hours: Annotated[float, Field(gt=0.0)] | None = Field(
        None, description="wall time that ends a shard too; what was reached then depends on the machine"
    )


class Sampler(_Closed):
    """How a shard is sampled."""

    integrator: Name = Field(
        "hmc", description="hmc, mala, ghmc: exact; baoab, euler-maruyama: unadjusted, biased in their time step"
    )
    step_size: Annotated[
        Annotated[float, Field(gt=0.0, le=100.0), Tag("number")] | Annotated[Literal["auto"], Tag("word")],
        Discriminator(lambda value: "word" if isinstance(value, str) else "number"),
    ] = Field(
        "auto", description="integration step, or auto: tuned per column in burn-in (baoab: 0.4, euler-maruyama: 0.05)"
    )
    target_accept: float = Field(0.8, gt=0.0, lt=1.0, description="acceptance that auto tunes the step size for")
    n_leapfrog: int = Field(4, ge=1, le=10_000, description="mean number of leapfrog steps of one hmc trajectory")
    precondition: bool = Field(
        True, description="move in coordinates that whiten the linearised network; euler-maruyama never does"
    )
    friction: float = Field(0.1, gt=0.0, le=100.0, description="momentum damping of ghmc and baoab per unit time")
    burn_in: int = Field(500, ge=0, description="steps before recording starts; tuning happens here")
    steps: int = Field(2000, ge=1, description="recorded steps (one step of hmc: one trajectory)")
    stop_when: Annotated[StopWhen | None, BeforeValidator(_switch, json_schema_input_type=StopWhen | bool)] = Field(
        None, description="end a shard early, once every cell meets these limits; false: use all steps"
    )
    replicas: int = Field(2, ge=2, le=64, description="independent chains per cell, half cold, half hot starts")
    exchange: Annotated[Exchange | None, BeforeValidator(_switch, json_schema_input_type=Exchange | bool)] = Field(
        Exchange(), description="replica exchange over the grid; false: none"
    )
    precision: Literal["float64", "float32"] = Field("float64", description="of the state; sums are float64")
    thermal_seed: int = Field(0, ge=0, lt=2**32, description="another one repeats the runs on the same couplings")
    save: Save = Field(Save(), description="cadence of what is stored")

    @property
    def preconditioned(self) -> bool:
        """Whether the integrator moves in whitened coordinates."""
        return self.precondition and SCHEMES[self.integrator].preconditioned

    @model_validator(mode="after")
    def _consistent(self) -> Sampler:
        if self.save.observables > self.steps:
            raise ValueError(f"save.observables: {self.save.observables} exceeds steps = {self.steps}; nothing is kept")
        if self.steps // self.save.observables < 8:
            raise ValueError(
                f"steps: {self.steps} steps give {self.steps // self.save.observables} draws; "
                f"error estimates need >= 8: raise steps or lower save.observables"
            )
        if self.step_size == "auto" and SCHEMES[self.integrator].exact and self.burn_in < 50:
            raise ValueError(f"burn_in: {self.burn_in} steps are too few to tune the step size; give >= 50")
        return self


class Convergence(_Closed):
    """What a seed's cell must reach; others are flagged in tables and hollow in figures."""

    rhat: float = Field(1.05, gt=1.0, description="largest split R-hat")
    ess: float = Field(50.0, ge=0.0, description="smallest effective sample size")
    cold_hot: float = Field(4.0, gt=0.0, description="largest difference of cold and hot starts, in its errors")
    share: float = Field(0.9, gt=0.0, le=1.0, description="share of realisations that must pass for a point to pass")


class Config(_Closed):
    """A sweep."""

    name: str = Field(pattern=NAME, description="name of the sweep; results go to results/<name>")
    model: Model = Field(Model(), description="the network and its quasi-potential")
    blocks: dict[Annotated[str, Field(pattern=NAME)], Block] = Field(
        min_length=1, description="grids to sample, each by a name of its own"
    )
    sampler: Sampler = Field(Sampler(), description="how it is sampled")
    convergence: Convergence = Field(Convergence(), description="when a cell counts as converged")
    observables: list[Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]] = Field(
        [], description="observables of your own, each module:function, recorded beside those of nsslib"
    )

    @model_validator(mode="after")
    def _cells_are_unique(self) -> Config:
        keys = {"gamma": "gamma", "N": "N", "g": "g", "beta": "beta", "seed": "seeds"}
        for (a, first), (b, second) in combinations(self.blocks.items(), 2):
            if first.task != second.task:
                continue
            keys = keys if first.beta else {axis: key for axis, key in keys.items() if axis != "beta"}
            shared = {axis: set(getattr(first, key)) & set(getattr(second, key)) for axis, key in keys.items()}
            if all(shared.values()):
                cell = ", ".join(f"{axis}={min(values)}" for axis, values in shared.items())
                raise ValueError(f"blocks.{b}: holds cells of block {a!r} again ({cell}); they would count twice")
        return self


DEMO = Config(
    name="demo",
    blocks={
        "main": Block(
            N=[32, 64, 128],
            g={"linspace": [0.6, 1.4, 9]},  # type: ignore[arg-type]  # expanded by the validator
            beta=[3.0, 6.0, 10.0, 30.0, 100.0, 300.0],
            seeds=8,  # type: ignore[arg-type]
        )
    },
)
