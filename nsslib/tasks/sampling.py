"""Sampling at every stage: chains of a realisation, their table, and the order parameters of a sweep."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from nsslib.analysis.chains.convergence import convergence, shard_round_trips
from nsslib.analysis.chains.free_energy import free_energy
from nsslib.analysis.chains.order_parameters import named, over_seeds, per_seed, shard_table
from nsslib.analysis.chains.stopping import judge_of
from nsslib.analysis.comparison.response import shard_sides
from nsslib.analysis.sizes.control_variates import MOMENTS, coupling_moments
from nsslib.config.schema import Config
from nsslib.grid.sampling import Sampling, reference_point
from nsslib.grid.sitting import Sitting
from nsslib.grid.task import axes
from nsslib.model.couplings import couplings
from nsslib.model.observables import resolve
from nsslib.sampling.dataset import saved_state, to_tree
from nsslib.sampling.run import Run, run
from nsslib.storage import store

TIMING_SECONDS = 0.3
TIMED_FLOP = 5e9
"""Work of a step above which a smaller grid on the same couplings is timed."""


def compute(shard: Sampling, sitting: Sitting) -> xr.DataTree:
    """Sample a shard."""
    record = run(
        shard, sitting.checkpoint, sitting.on_step, sitting.note, saved_state(sitting.start) if sitting.start else None,
        judge_of(shard), sitting.should_stop, sitting.checkpoint_seconds,
    )  # fmt: skip
    return to_tree(shard, record)


def table(shard: Sampling, path: Path, config: Config) -> xr.Dataset:
    """Order parameters of a finished shard, dims (g, beta), with their statistics."""
    kept = ("trajectories",) if (path / "trajectories").exists() else ()
    series, diagnostics, *x = store.read_groups(
        path, "shard", "observables", "diagnostics", *kept, fingerprint=shard.fingerprint
    )
    reduced = shard_table(series, config.convergence, resolve(shard.observables))
    reduced = reduced.merge(free_energy(diagnostics, shard.N, *reference_point(config, shard.gamma)))
    reduced = reduced.merge(shard_round_trips(diagnostics))
    J0 = couplings(shard.N, shard.gamma, shard.seed, shard.model.diagonal)
    blank = reduced["q"].drop_attrs()
    moments = coupling_moments(J0, shard.gamma)
    reduced = reduced.assign({k: named(xr.full_like(blank, value), MOMENTS[k]) for k, value in moments.items()})
    return reduced.assign(shard_sides(shard, J0, x[0])) if x else reduced


def join(tables: Iterable[tuple[Sampling, xr.Dataset]], config: Config) -> dict[str, xr.Dataset]:
    """Order parameters of the sweep: means over realisations, each realisation, and what converged."""
    observables = resolve(config.observables)
    seeds = per_seed(tables, axes(config))
    reference = np.array([reference_point(config, gamma) for gamma in seeds["gamma"].values.tolist()])
    seeds = seeds.assign_coords(reference_g=("gamma", reference[:, 0]), reference_beta=("gamma", reference[:, 1]))
    means = over_seeds(seeds, config.convergence, observables)
    return {"/": means, "/per_seed": seeds, "/convergence": convergence(means, seeds, config.convergence)}


def measure(shard: Sampling) -> float:
    """Core-seconds of a shard on this machine, from a few steps; exchange and recording included."""
    sample = _sample(shard)
    with threadpool_limits(1):
        timed = Run(sample)
        # The first step records, so that all kernels are compiled before the clock starts.
        timed.t = sample.sampler.burn_in + sample.sampler.save.observables - 1
        timed.step()
        times: list[float] = []
        while len(times) < 3 or (len(times) < 20 and sum(times) < TIMING_SECONDS):
            began = time.perf_counter()
            timed.step()
            times.append(time.perf_counter() - began)
    return float(np.mean(times)) * shard.steps * shard.flop() / sample.flop()


def _sample(shard: Sampling) -> Sampling:
    """The shard, or a part of its grid if steps are long: the columns of a large one cost the same each.

    Nor is a preconditioner made for a large one: its products cost what others do.
    """
    plain = shard.sampler.model_copy(update={"precondition": False})
    parts = [shard] + [replace(shard, g=shard.g[:1], beta=beta, sampler=plain) for beta in (shard.beta, shard.beta[:2])]
    return next((part for part in parts if part.flop() / shard.steps < TIMED_FLOP), parts[-1])
