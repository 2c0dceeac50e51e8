"""Speed and efficiency of the sampler, each number a ratio within one run, medians of repeats.

    python benchmarks/engine.py [a b c d e]

a  Langevin step and HMC leapfrog against two OpenBLAS products of the same shape, one thread each
b  column-steps a second against other ways to write the same Langevin step
c  effective samples of q per force evaluation, by sampler and with exchange
d  a whole shard (observables, storage, checkpoint, exchange) against its force evaluations
e  two workers against one
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from efficiency import exchanged, samplers
from peers import PEERS, STEPS, one_core
from threadpoolctl import threadpool_limits

from nsslib.config.schema import DEMO, Exchange, Model, Sampler, Save
from nsslib.grid.sampling import Sampling
from nsslib.sampling.dataset import to_tree
from nsslib.sampling.ensemble import Ensemble
from nsslib.sampling.run import Run, run
from nsslib.storage import checkpoint, store

REPEATS = 7


def medians(*functions: Callable[[], object], seconds: float = 0.15) -> list[float]:
    """Median time of a call of each function, run in turn."""
    calls = []
    for function in functions:
        function()
        began = time.perf_counter()
        function()
        calls.append(max(1, round(seconds / (time.perf_counter() - began + 1e-9))))
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(REPEATS):
        for function, count, found in zip(functions, calls, times, strict=True):
            began = time.perf_counter()
            for _ in range(count):
                function()
            found.append((time.perf_counter() - began) / count)
    return [float(np.median(found)) for found in times]


def plain_shard(N: int, columns: int, precision: str = "float64", precondition: bool = False) -> Sampling:
    """A shard of exactly so many columns, no exchange."""
    g = tuple(float(v) for v in np.linspace(0.5, 1.2, columns // 16))
    sampler = Sampler(exchange=None, precision=precision, precondition=precondition)
    return Sampling("bench", 0.0, N, 0, g, Model(), tuple(float(b) for b in range(1, 9)), sampler)


def stepper(ensemble: Ensemble, scheme: str, n_leapfrog: int) -> Callable[[], object]:
    """One step of all chains, as a function of nothing."""
    eps = np.full(len(ensemble.cell), 0.05)
    return lambda: ensemble.backend.step(scheme, eps, np.zeros_like(eps), n_leapfrog, 3)


def against_products() -> None:
    """a: ratios to two matrix products."""
    print("a  time / two OpenBLAS products, 256 columns, one thread")
    print(
        f"   {'N':>5} {'precision':>9} {'Langevin step':>14} {'HMC leapfrog':>13} {'preconditioned / 3 products':>27}"
    )
    for precision in ("float64", "float32"):
        for N in (64, 100, 128, 256, 512, 1024):
            ensemble, whitened = (Ensemble(plain_shard(N, 256, precision, p)) for p in (False, True))
            X = np.random.default_rng(0).normal(size=(256, N)).astype(precision)
            out, J0 = np.empty_like(X), ensemble.J0.astype(precision)

            def products(X=X, out=out, J0=J0) -> None:
                np.dot(X, J0, out=out)
                np.dot(X, J0, out=out)

            L = 16
            langevin, *trajectories = (
                stepper(ensemble, "euler-maruyama", 1),
                stepper(ensemble, "hmc", L),
                stepper(whitened, "hmc", L),
            )
            blas, em, hmc, preconditioned = medians(products, langevin, *trajectories)
            ratios = em / blas, hmc / L / blas, preconditioned / L / (1.5 * blas)
            print(f"   {N:>5} {precision:>9} {ratios[0]:>14.2f} {ratios[1]:>13.2f} {ratios[2]:>27.2f}", flush=True)


def against_peers() -> None:
    """b: ratios to other implementations of the Langevin step, and to one column at a time."""
    print("b  column-steps a second, ours / peer, Langevin step in float64, one core, 256 columns")
    absent = [name for name, (package, _) in PEERS.items() if package and not find_spec(package)]
    present = {name: make for name, (package, make) in PEERS.items() if name not in absent}
    print("   absent: " + (", ".join(absent) or "none"))
    for N in (100, 256, 512):
        ensemble = Ensemble(plain_shard(N, 256))
        one = stepper(ensemble, "euler-maruyama", 1)

        def advance(one: Callable[[], object] = one) -> None:
            for _ in range(STEPS):
                one()

        with one_core():
            peers = [make(ensemble.J0, ensemble.cell_g, ensemble.cell_beta, 0.05) for make in present.values()]
            ours, *theirs = medians(advance, *peers)
        ratios = ", ".join(f"{name} {t / ours:.1f}" for name, t in zip(present, theirs, strict=True))
        print(f"   N = {N}: {ratios}; ours {256 * STEPS / ours:.3g} a second", flush=True)


def overhead() -> None:
    """d: everything a shard does, over its force evaluations alone."""
    block = DEMO.blocks["main"]
    print("d  whole shard of the demo's grid / its trajectories alone")
    for N in (64, 128, 256):
        shard = Sampling("bench", 0.0, N, 0, tuple(block.g), DEMO.model, tuple(block.beta), DEMO.sampler)

        def whole(shard: Sampling = shard) -> None:
            with tempfile.TemporaryDirectory() as place:
                path = Path(place)
                this = Run(shard)
                for _ in range(this.total):
                    this.step()
                checkpoint.save(path / "c", shard.settings(), this.state())
                store.publish(to_tree(shard, this.record()), path / "s.zarr", "shard")

        def moves(shard: Sampling = shard) -> None:
            this = Run(shard)
            for _ in range(this.total):
                this._move()
                this.t += 1

        whole_time, moves_time = medians(whole, moves, seconds=0.0)
        print(f"   N = {N}: {whole_time / moves_time:.3f} ({shard.columns} columns, {moves_time:.1f} s)", flush=True)


def _timed_shard(seed: int) -> None:
    sampler = Sampler(steps=300, burn_in=60, exchange=Exchange(), save=Save(trajectories=0))
    run(Sampling("bench", 0.0, 128, seed, (0.8, 1.0, 1.2), Model(), (3.0, 10.0, 30.0), sampler))


def workers() -> None:
    """e: throughput of two processes over one."""
    print("e  throughput, two workers / one")
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as one, context.Pool(2) as two:
        tasks = list(range(6))
        alone, together = medians(
            lambda: one.map(_timed_shard, tasks, 1), lambda: two.map(_timed_shard, tasks, 1), seconds=0.0
        )
    print(f"   {alone / together:.2f}")


PARTS = {"a": [against_products], "b": [against_peers], "c": [samplers, exchanged], "d": [overhead], "e": [workers]}


def main() -> None:
    """Run the parts named on the command line, all by default."""
    with threadpool_limits(1):
        for part in sys.argv[1:] or PARTS:
            for function in PARTS[part]:
                function()


if __name__ == "__main__":
    main()
