"""Part c of the engine benchmark: effective samples of q per force evaluation.

A force evaluation is two N x N products a column (those of a preconditioner count), and a gradient
by automatic differentiation is one. Burn-in is left out on all sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import xarray as xr
from blackjax_peers import BLACKJAX, blackjax_series
from numpy.typing import NDArray

from nsslib import couplings
from nsslib.analysis.chains.statistics import chain_statistics, start_disagreement
from nsslib.config.schema import Model, Sampler, Save
from nsslib.grid.sampling import Sampling
from nsslib.sampling.dataset import to_tree
from nsslib.sampling.run import Run, run

N, G, BETA = 128, 1.0, 100.0
SEEDS = range(4)
CHAINS = 64
FORCES = 40_000

SAMPLERS: dict[str, dict[str, Any]] = {
    "hmc (default)": {},
    "hmc, 3 leapfrogs": {"n_leapfrog": 3},
    "hmc, 6 leapfrogs": {"n_leapfrog": 6},
    "hmc, 10 leapfrogs, plain": {"n_leapfrog": 10, "precondition": False},
    "hmc, 30 leapfrogs, plain": {"n_leapfrog": 30, "precondition": False},
    "ghmc, friction 0.1": {"integrator": "ghmc"},
    "mala": {"integrator": "mala"},
    "baoab, friction 0.1 (biased)": {"integrator": "baoab"},
    "baoab, friction 0.03, plain": {"integrator": "baoab", "friction": 0.03, "precondition": False},
}
"""Settings of a sampler; plain: without preconditioner."""

EXACT = "hmc (default)"
"""The sampler whose mean of q the others are compared with."""

EULER_STEPS = (0.16, 0.08, 0.04)
EULER_TIME = 4000.0


@dataclass(frozen=True)
class Efficiency:
    """What a sampler reached on each disorder sample: arrays (seed,).

    Attributes
    ----------
    tau : array
        Force evaluations for one effective sample of q.
    mean, err : array
        Mean of q and its standard error.
    """

    tau: NDArray[np.float64]
    mean: NDArray[np.float64]
    err: NDArray[np.float64]

    @classmethod
    def of(cls, series: list[NDArray[np.float64]], forces: list[float]) -> Efficiency:
        """From the series of q, (draw, chain), and the force evaluations of all chains together."""
        tables = [chain_statistics(xr.DataArray(q, dims=("draw", "chain")), ("chain", "draw")) for q in series]
        tau = [spent / float(table["ess"]) for spent, table in zip(forces, tables, strict=True)]
        return cls(np.array(tau), *(np.array([float(table[k]) for table in tables]) for k in ("mean", "err")))

    @property
    def per_thousand(self) -> float:
        """ESS per 1000 force evaluations, geometric mean over disorder samples."""
        return float(1000.0 / np.exp(np.mean(np.log(self.tau))))

    def excess(self, exact: Efficiency) -> tuple[float, float]:
        """Mean over disorder samples of q / exact q - 1, and its error."""
        relative = np.hypot(self.err / self.mean, exact.err / exact.mean)
        return float(np.mean(self.mean / exact.mean - 1.0)), float(np.sqrt(np.mean(relative**2) / len(self.mean)))


def series_of_q(sampler: Sampler, seed: int, every: int) -> NDArray[np.float64]:
    """Series of q (draw, chain) of one sample; nothing else is recorded."""
    this = Run(Sampling("bench", 0.0, N, seed, (G,), Model(), (BETA,), sampler))
    draws = []
    while this.t < this.total:
        this.step()
        if this.t > sampler.burn_in and this.t % every == 0:
            draws.append(np.mean(np.tanh(this.ensemble.backend.state()[0]) ** 2, axis=-1))
    return np.array(draws)


def ours(settings: dict[str, Any], forces: float = FORCES) -> Efficiency:
    """Efficiency of one of our samplers; two products of any kind count as a force evaluation."""
    sampler = Sampler(**settings, replicas=CHAINS, exchange=None)
    shard = Sampling("bench", 0.0, N, 0, (G,), Model(), (BETA,), sampler)
    cost = 0.5 * shard.products / (sampler.steps + sampler.burn_in)
    steps = round(forces / cost)
    save = Save(observables=steps // 8, trajectories=0)
    sampler = sampler.model_copy(update={"steps": steps, "burn_in": max(500, steps // 4), "save": save})
    every = max(1, steps // 4000)
    return Efficiency.of([series_of_q(sampler, seed, every) for seed in SEEDS], [CHAINS * cost * steps] * len(SEEDS))


def theirs(name: str) -> Efficiency:
    """Efficiency of one of BlackJAX's samplers."""
    found = [blackjax_series(name, G * couplings(N, seed=seed), BETA, seed) for seed in SEEDS]
    return Efficiency.of([q for q, _ in found], [forces for _, forces in found])


def euler_slope() -> float:
    """Relative bias of q of Euler-Maruyama per unit of its step, at first order.

    To first order it keeps exp(-beta E - dt w) with w = lap E / 2 - beta |dE|^2 / 4, so that exact
    samples tell what small steps do to q, which is lost in the noise of a direct measurement.
    """
    sampler = Sampler(steps=3000, replicas=16, exchange=None, save=Save(observables=2, trajectories=0))
    slopes = []
    for seed in SEEDS:
        single = run(Sampling("bench", 0.0, N, seed, (G,), Model(), (BETA,), sampler)).recorder.single
        w = N * (0.5 * single["laplacian"] - 0.25 * single["grad2"])
        slopes.append(-np.cov(single["q"].ravel(), w.ravel())[0, 1] / single["q"].mean())
    return float(np.mean(slopes))


def euler_maruyama(exact: Efficiency) -> float:
    """ESS of Euler-Maruyama per 1000 force evaluations where its bias of q is 1 %.

    That step is so small that its autocorrelation cannot be measured at a bearable cost. Its
    relaxation time in units of time hardly hangs on the step: that of the smallest step stands for it.
    """
    slope, times, curvatures, weights = euler_slope(), [], [], []
    for dt in EULER_STEPS:
        found = ours({"integrator": "euler-maruyama", "step_size": dt}, EULER_TIME / dt)
        bias, err = found.excess(exact)
        times.append(dt * 1000.0 / found.per_thousand)
        curvatures.append((bias - slope * dt) / dt**2)
        weights.append((dt**2 / err) ** 2)
        shift = f"q off {100 * bias:+.1f} +- {100 * err:.1f} %, first order {100 * slope * dt:+.1f} %"
        print(f"   euler-maruyama, dt {dt:<5} relaxation time {times[-1]:.0f}, {shift}", flush=True)
    curvature = np.average(curvatures, weights=weights)
    one_percent = float(0.02 / (slope + np.sqrt(slope**2 + 0.04 * max(0.0, curvature))))
    print(f"   1 % bias at dt = {one_percent:.4f}: {times[-1] / one_percent:.0f} force evaluations a sample")
    return 1000.0 * one_percent / times[-1]


def samplers() -> None:
    """c, first part: samplers against Euler-Maruyama at 1 % bias, and BlackJAX."""
    print(f"c  ESS of q per 1000 force evaluations at g = {G:g}, beta = {BETA:g}, N = {N}; {len(SEEDS)} samples of J")
    exact = ours(SAMPLERS[EXACT])
    slow = euler_maruyama(exact)
    present = all(find_spec(package) for package in ("jax", "blackjax"))
    print("   absent: " + ("none" if present else ", ".join(BLACKJAX)))
    for name in (*SAMPLERS, *(BLACKJAX if present else ())):
        found = exact if name == EXACT else ours(SAMPLERS[name]) if name in SAMPLERS else theirs(name)
        ess, (off, err) = found.per_thousand, found.excess(exact)
        shift = f"q off {100 * off:+.1f} +- {100 * err:.1f} %"
        print(f"   {name:<30} {ess:>8.3f}  / euler-maruyama {ess / slow:>6.1f}  {shift}", flush=True)


def exchanged() -> None:
    """c, second part: the exchanged grid against unexchanged runs of the same cell, N = 64."""
    g = tuple(float(v) for v in np.round(np.linspace(0.8, 1.5, 15), 3))
    beta = tuple(float(v) for v in np.round(np.geomspace(3, 1000, 24), 4))
    grid, alone = (g, beta), ((1.2, 1.5), (1000.0,))
    rows: dict[str, tuple[Any, dict[str, Any]]] = {
        "exchanged grid": (grid, {"steps": 4000, "burn_in": 1000}),
        "no exchange": (alone, {"steps": 12000, "burn_in": 1000, "exchange": None}),
        "no exchange, L = 12": (alone, {"steps": 5000, "burn_in": 500, "n_leapfrog": 12, "exchange": None}),
        "no exchange, L = 32, plain": (
            alone, {"steps": 2000, "burn_in": 500, "n_leapfrog": 32, "exchange": None, "precondition": False}
        ),
    }  # fmt: skip
    print(f"c  ESS of q per 1000 force evaluations at g = 1.2, beta = 1000, N = 64, by sample of J ({len(SEEDS)});")
    print("   z: cold against hot starts at g = 1.5")
    found = {}
    for name, (cells, settings) in rows.items():
        ess, z = zip(*(_cell_of(cells, Sampler(**settings), seed) for seed in SEEDS), strict=True)
        found[name] = np.array(ess)
        shown = " ".join(f"{v:7.2f}" for v in ess)
        print(f"   {name:<28} ESS {shown}   z {' '.join(f'{v:5.1f}' for v in z)}", flush=True)
    best = np.max([found[name] for name in rows if name != "exchanged grid"], axis=0)
    gain = found["exchanged grid"] / best
    each = " ".join(f"{v:.1f}" for v in gain)
    print(f"   exchanged / best unexchanged: {np.exp(np.mean(np.log(gain))):.1f} (geometric mean of {each})")


def _cell_of(cells: Any, sampler: Sampler, seed: int) -> tuple[float, float]:
    """ESS of q per 1000 force evaluations at (1.2, 1000), and the cold/hot difference at (1.5, 1000)."""
    shard = Sampling("bench", 0.0, 64, seed, cells[0], Model(), cells[1], sampler)
    series = to_tree(shard, run(shard))["observables"].to_dataset()
    table = chain_statistics(series["q"].sel(g=1.2, beta=1000.0), ("replica", "draw"))
    z = start_disagreement(series["q"].sel(g=1.5, beta=1000.0), "replica", series["hot"], "draw")
    forces = sampler.replicas * 0.5 * shard.products * sampler.steps / (sampler.steps + sampler.burn_in)
    return 1000.0 * float(table["ess"]) / forces, float(z)
