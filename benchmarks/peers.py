"""Other ways to write the Langevin step of all columns, for comparison; each as an expert would.

Every peer is made by ``make(J0, g, beta, dt)`` and returns a function of nothing that advances all
columns by `STEPS` steps in float64 on the core it is given.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

Steps = Callable[[], object]

STEPS = 10
"""Steps of one call: what a compiled scan needs to hide its dispatch behind."""


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this thread, and thread pools that start inside, on one core where the system allows it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def numpy_batch(J0: Any, g: Any, beta: Any, dt: float) -> Steps:
    """All columns in numpy, every result written where there is room for it."""
    rng = np.random.default_rng(0)
    noise = np.sqrt(2.0 * dt / beta)
    x = np.zeros((len(J0), len(g)))
    f, a, v, n = (np.empty_like(x) for _ in range(4))

    def advance() -> None:
        for _ in range(STEPS):
            np.tanh(x, out=f)
            np.matmul(J0, f, out=a)
            np.multiply(a, g, out=a)
            np.subtract(x, a, out=v)
            np.matmul(J0.T, v, out=a)
            np.multiply(a, g, out=a)
            np.multiply(f, f, out=f)
            np.subtract(1.0, f, out=f)
            np.multiply(f, a, out=f)
            np.subtract(v, f, out=v)
            np.multiply(v, dt, out=v)
            np.subtract(x, v, out=x)
            rng.standard_normal(out=n)
            np.multiply(n, noise, out=n)
            np.add(x, n, out=x)

    return advance


def one_column(J0: Any, g: Any, beta: Any, dt: float) -> Steps:
    """One column after another in numpy."""
    columns = [numpy_batch(J0, g[c : c + 1], beta[c : c + 1], dt) for c in range(len(g))]

    def advance() -> None:
        for column in columns:
            column()

    return advance


def torch_cpu(J0: Any, g: Any, beta: Any, dt: float) -> Steps:
    """All columns in PyTorch, eager and in place, which is faster here than torch.compile."""
    import torch

    torch.set_num_threads(1)
    J, JT, gs, noise = (torch.from_numpy(np.array(a, order="C")) for a in (J0, J0.T, g, np.sqrt(2.0 * dt / beta)))
    x = torch.zeros(len(J0), len(g), dtype=torch.float64)
    f, a, v, n = (torch.empty_like(x) for _ in range(4))

    @torch.inference_mode()
    def advance() -> None:
        for _ in range(STEPS):
            torch.tanh(x, out=f)
            torch.mm(J, f, out=a)
            torch.addcmul(x, a, gs, value=-1.0, out=v)
            torch.mm(JT, v, out=a)
            f.mul_(f).neg_().add_(1.0).mul_(gs)
            v.addcmul_(f, a, value=-1.0)
            x.add_(v, alpha=-dt).addcmul_(n.normal_(), noise)

    return advance


def jax_scan(J0: Any, g: Any, beta: Any, dt: float) -> Steps:
    """All columns in JAX, a compiled and unrolled scan; its default generator is its fastest on a CPU."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    J, gs, noise = (jnp.asarray(a, jnp.float64) for a in (J0, g, np.sqrt(2.0 * dt / beta)))

    def one(x: Any, key: Any) -> Any:
        f = jnp.tanh(x)
        v = x - gs * (J @ f)
        dE = v - gs * (1.0 - f * f) * (J.T @ v)
        return x - dt * dE + noise * jax.random.normal(key, x.shape, x.dtype), None

    @jax.jit
    def scan(x: Any, key: Any) -> Any:
        key, *keys = jax.random.split(key, STEPS + 1)
        return jax.lax.scan(one, x, jnp.stack(keys), unroll=STEPS)[0], key

    state = [jnp.zeros((len(J0), len(g))), jax.random.key(0)]

    def advance() -> None:
        state[:] = jax.block_until_ready(scan(*state))

    return advance


PEERS: dict[str, tuple[str | None, Callable[[Any, Any, Any, float], Steps]]] = {
    "numpy": (None, numpy_batch),
    "one column at a time": (None, one_column),
    "torch": ("torch", torch_cpu),
    "jax": ("jax", jax_scan),
}
"""Package that a peer needs beyond ours, and how it is made."""
