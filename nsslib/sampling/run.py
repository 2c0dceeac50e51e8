"""The loop of a shard: burn-in with tuning, then recorded steps; resumes bit for bit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from nsslib.arrays import Floats
from nsslib.config.schemes import SCHEMES
from nsslib.errors import Terminated
from nsslib.grid.sampling import Sampling
from nsslib.grid.sitting import CHECKPOINT_SECONDS, OnStep, ShouldStop
from nsslib.kernels.cpu import random
from nsslib.kernels.cpu.elementary import libm_exp
from nsslib.sampling.ensemble import Ensemble
from nsslib.sampling.exchange import BETA, Exchanger, G
from nsslib.sampling.recorder import Recorder
from nsslib.sampling.tuning import StepSizes
from nsslib.storage import checkpoint

CHECKS = 10
"""How often a run checks its diagnostics while it records."""


@dataclass(frozen=True)
class Diagnosis:
    """State of a run, as a `Judge` sees it.

    Attributes
    ----------
    enough : bool
        Whether every point passes the limits of `sampler.stop_when`; False without any.
    remark : str
        The worst point in words.
    """

    enough: bool
    remark: str


Judge = Callable[[Floats], Diagnosis]
"""``judge(series)``: diagnosis of the series of q so far, (draw, replica, g, beta)."""

Note = Callable[[str], None]
"""Called with a line that a user should read: resumed or refused checkpoints, stopped chains."""


@dataclass
class Record:
    """Outcome of a shard: what the recorder kept, and how sampling went.

    Attributes
    ----------
    recorder : Recorder
    acceptance : (replica, g, beta) array
        Mean acceptance probability, intermediate points included.
    step_size : (g, beta) array
    exchange_beta, exchange_g : arrays
        Acceptance of every link, (g, beta - 1) and (g - 1, beta).
    log_z_beta, log_z_g : arrays
        Log of the ratio of partition functions along every link, (replica, g, beta - 1) and
        (replica, g - 1, beta).
    trips : (2, C) int array
        Round trips of every chain in beta and in g.
    stopped : (replica, g, beta) int array
        Step at which a chain diverged and was stopped, 0 if it did not.
    steps : int
        Recorded steps; fewer than the budget where the diagnostics sufficed.
    state : dict of arrays
        Where the sampler stands, for a longer run to go on from.
    wall_time : float
        Seconds, of all tries together.
    """

    recorder: Recorder
    acceptance: NDArray[np.float64]
    step_size: NDArray[np.float64]
    exchange_beta: NDArray[np.float64]
    exchange_g: NDArray[np.float64]
    log_z_beta: NDArray[np.float64]
    log_z_g: NDArray[np.float64]
    trips: NDArray[np.int64]
    stopped: NDArray[np.int64]
    steps: int
    state: checkpoint.State
    wall_time: float


class Run:
    """One shard being sampled."""

    def __init__(self, shard: Sampling, note: Note = print) -> None:
        self.shard, self.note = shard, note
        self.ensemble = Ensemble(shard)
        self.scheme = SCHEMES[shard.sampler.integrator]
        self.step_sizes = StepSizes(shard.sampler, self.ensemble.shape, shard.N)
        exchange = shard.sampler.exchange
        self.exchanger = Exchanger.of(exchange, self.ensemble) if exchange else None
        self.recorder = Recorder(shard, self.ensemble)
        self.t = 0
        self.wall_time = 0.0
        self.total = shard.sampler.burn_in + shard.sampler.steps

    @property
    def draws(self) -> int:
        """Draws recorded so far."""
        return max(0, self.t - self.shard.sampler.burn_in) // self.shard.sampler.save.observables

    def begin(self, path: Path | None, start: checkpoint.State | None) -> None:
        """Go on from a checkpoint, or else from the end of a shorter run, if there is either."""
        state, remarks = checkpoint.load(path, self.shard.settings()) if path else (None, [])
        for remark in remarks:
            self.note(remark)
        if state:
            self.restore(state)
            self.note(f"resumed at step {self.t} of {self.total} from {path}")
        elif start:
            self.restore(start)
            self.note(f"continues at step {self.t} of {self.total} from a shorter run")

    @property
    def check_due(self) -> bool:
        """Whether the diagnostics are due: at fixed steps, so that every try ends at the same one."""
        sampler = self.shard.sampler
        return self.t > sampler.burn_in and (self.t - sampler.burn_in) % max(1, sampler.steps // CHECKS) == 0

    @property
    def overdue(self) -> bool:
        """Whether the wall time that `sampler.stop_when` allows is over."""
        stop_when = self.shard.sampler.stop_when
        return stop_when is not None and stop_when.hours is not None and self.wall_time > 3600.0 * stop_when.hours

    def check(self, judge: Judge) -> str:
        """Compute the diagnostics, end the run here if they suffice or time is over; returns the remark."""
        diagnosis = judge(self.recorder.single["q"][: self.draws])
        if diagnosis.enough or self.overdue:
            why = "diagnostics" if diagnosis.enough else "hours"
            self.note(f"ends at step {self.t} of {self.total}: {why} reached")
            self.total = self.t
            self.recorder.cut(self.draws)
        return diagnosis.remark

    def name_bottlenecks(self) -> None:
        """Say where the ladder is hardly passable."""
        ladders = (ladder.values for ladder in self.shard.ladders)
        for sentence in self.exchanger.bottlenecks(*ladders) if self.exchanger else ():
            self.note(sentence)

    def step(self) -> Floats:
        """One step of all chains, then a round of exchange, then what is due to be recorded."""
        began = time.monotonic()
        burn_in = self.shard.sampler.burn_in
        if self.t == burn_in and self.exchanger:
            self.exchanger.reset()
        acceptance = self._move()
        self.step_sizes.update(self.ensemble, acceptance, self.t)
        if self.t >= burn_in:
            self.recorder.count(self.ensemble, acceptance)
        if self.exchanger:
            self.exchanger.round(self.ensemble, self.t)
        self.t += 1
        if self.t > burn_in:
            self.recorder.record(self.ensemble, self.t - burn_in)
        self.wall_time += time.monotonic() - began
        return acceptance

    def _move(self) -> Floats:
        ensemble, sampler = self.ensemble, self.shard.sampler
        eps = self.step_sizes.of_chains(ensemble)
        keep = libm_exp(-sampler.friction * eps) if self.scheme.underdamped else np.zeros_like(eps)
        acceptance = ensemble.backend.step(self.scheme.moves, eps, keep, self._n_leapfrog(), self.t)
        self._guard()
        return acceptance

    def _n_leapfrog(self) -> int:
        """Leapfrog steps of the next trajectory: uniform on 1 ... 2 L - 1, so that no mode is resonant."""
        if not self.scheme.trajectories:
            return 1
        luck = random.uniform(self.ensemble.key, random.LENGTH, self.t, 0, 0)
        return 1 + int(luck * (2 * self.shard.sampler.n_leapfrog - 1))

    def _guard(self) -> None:
        """Stop chains that diverged, say which, and let the rest go on."""
        ensemble, eps = self.ensemble, self.step_sizes.eps.ravel()
        for cell in ensemble.stop_diverged(self.t + 1):
            self.note(
                f"the chain at g={ensemble.cell_g[cell]:.12g}, beta={ensemble.cell_beta[cell]:.12g}, replica "
                f"{ensemble.replica(cell)} diverged; last good step {self.t}. It is stopped and its point flagged; a "
                f"smaller step_size than {eps[cell % eps.size]:g} may cure it"
            )

    def _arrays(self) -> checkpoint.State:
        """Live arrays that change as the run goes on, by name; positions and momenta apart."""
        ensemble, recorder = self.ensemble, self.recorder
        arrays = {
            "cell": ensemble.cell,
            "walker": ensemble.walker,
            "stopped": ensemble.stopped,
            "log_eps": self.step_sizes.log_eps,
            "total": self.step_sizes.total,
            "acceptance": recorder.acceptance,
        }
        if self.exchanger:
            arrays |= {k: getattr(self.exchanger, k) for k in ("attempts", "accepted", "end", "trips", "fermi")}
        return arrays

    def _series(self) -> checkpoint.State:
        """What was recorded, draw by draw, by name."""
        recorder = self.recorder
        single = {f"single.{name}": values for name, values in recorder.single.items()}
        return single | {f"pair.{name}": values for name, values in recorder.pair.items()} | {"x": recorder.x}

    def state(self) -> checkpoint.State:
        """What the future of the run depends on; chains by row, independent of this machine's panels."""
        precision = self.shard.sampler.precision
        chains = {k: v.astype(precision) for k, v in zip("XP", self.ensemble.backend.state(), strict=True)}
        return chains | self._arrays() | {"t": np.array(self.t), "wall_time": np.array(self.wall_time)}

    def saved(self) -> checkpoint.State:
        """The state together with what was recorded."""
        return self.state() | self._series()

    def restore(self, state: checkpoint.State) -> None:
        """Continue from what was `saved`, by a run with the same or a smaller number of steps.

        The force is evaluated again at X, which gives the same bits.
        """
        self.t, self.wall_time = int(state["t"]), float(state["wall_time"])
        for name, array in self._arrays().items():
            array[...] = state[name]
        for name, series in self._series().items():
            if name in state:  # a run too short to keep any x has none
                series[: len(state[name])] = state[name]
        self.ensemble.relabel()
        self.ensemble.backend.load(state["X"], state["P"])

    def record(self) -> Record:
        """Outcome so far."""
        sampler, exchanger = self.shard.sampler, self.exchanger
        replicas, g, beta = self.ensemble.shape
        along = (g, max(beta - 1, 0)), (max(g - 1, 0), beta)
        links = [exchanger.rates(k) if exchanger else np.full(along[k], np.nan) for k in (BETA, G)]
        log_z = [exchanger.log_z(k) if exchanger else np.full((replicas, *along[k]), np.nan) for k in (BETA, G)]
        return Record(
            recorder=self.recorder,
            acceptance=self.recorder.acceptance / max(1, self.t - sampler.burn_in),
            step_size=self.step_sizes.eps,
            exchange_beta=links[0],
            exchange_g=links[1],
            log_z_beta=log_z[0],
            log_z_g=log_z[1],
            trips=exchanger.trips if exchanger else np.zeros((2, len(self.ensemble.cell)), np.int64),
            stopped=self.ensemble.stopped.reshape(self.ensemble.shape),
            steps=self.t - sampler.burn_in,
            state=self.state(),
            wall_time=self.wall_time,
        )


def run(
    shard: Sampling,
    path: Path | None = None,
    on_step: OnStep = lambda *_: None,
    note: Note = lambda text: None,
    start: checkpoint.State | None = None,
    judge: Judge | None = None,
    should_stop: ShouldStop = lambda: None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Record:
    """Sample a shard from the start, from its checkpoint, or from the end of a shorter run.

    Parameters
    ----------
    shard : Sampling
    path : Path, optional
        Checkpoint file: read if it fits, written now and then, left for the caller to remove.
    on_step : callable
        Called after every step, see `OnStep`.
    note : callable
        Called with a line on checkpoints resumed or refused, stopped chains and bottlenecks.
    start : dict of arrays, optional
        What a shorter run of the same shard saved last; used if there is no checkpoint.
    judge : callable
        Asked now and then, with the series of q so far, whether the run may end.
    should_stop : callable
        Called after every step, see `ShouldStop`.
    checkpoint_seconds : float
        Time between two checkpoints.

    Returns
    -------
    Record

    Raises
    ------
    Terminated
        Where `should_stop` gives a reason, once the state is saved.
    """
    with threadpool_limits(1):
        this = Run(shard, note)
        this.begin(path, start)
        saved, remark = time.monotonic(), ""
        while this.t < this.total:
            acceptance = this.step()
            if judge and this.check_due:
                remark = this.check(judge)
            on_step(this.t, this.total, float(this.ensemble.by_cell(acceptance).mean()), remark)
            reason = should_stop()
            if path and (reason or time.monotonic() - saved > checkpoint_seconds):
                checkpoint.save(path, shard.settings(), this.saved())
                saved = time.monotonic()
            if reason:
                where = f", saved in {path}" if path else ""
                raise Terminated(f"{reason}: stopped at step {this.t} of {this.total}{where}")
        this.name_bottlenecks()
    return this.record()
