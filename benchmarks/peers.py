"""Other ways to write the Langevin step of all columns, for comparison; each as its users would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], object]


def numpy_batch(J0: Any, g: Any, beta: Any, dt: float) -> Step:
    """All columns in numpy."""
    rng = np.random.default_rng(0)
    x = np.zeros((len(J0), len(g)))

    def step() -> None:
        nonlocal x
        f = np.tanh(x)
        v = x - g * (J0 @ f)
        dE = v - g * (1.0 - f * f) * (J0.T @ v)
        x = x - dt * dE + np.sqrt(2.0 * dt / beta) * rng.standard_normal(x.shape)

    return step


def one_column(J0: Any, g: Any, beta: Any, dt: float) -> Step:
    """One column after another in numpy."""
    steps = [numpy_batch(J0, g[c : c + 1], beta[c : c + 1], dt) for c in range(len(g))]

    def step() -> None:
        for one in steps:
            one()

    return step


def torch_cpu(J0: Any, g: Any, beta: Any, dt: float) -> Step:
    """All columns in PyTorch on the CPU."""
    import torch

    torch.set_num_threads(1)
    J, gs, scale = (torch.from_numpy(np.ascontiguousarray(a)) for a in (J0, g, np.sqrt(2.0 * dt / beta)))
    x = torch.zeros(len(J0), len(g), dtype=torch.float64)

    def step() -> None:
        nonlocal x
        with torch.no_grad():
            f = torch.tanh(x)
            v = x - gs * (J @ f)
            dE = v - gs * (1.0 - f * f) * (J.T @ v)
            x = x - dt * dE + scale * torch.randn_like(x)

    return step


def jax_scan(J0: Any, g: Any, beta: Any, dt: float) -> Step:
    """All columns in JAX, ten steps a compiled scan; one call counts as one step."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    J, gs, scale = jnp.asarray(J0), jnp.asarray(g), jnp.asarray(np.sqrt(2.0 * dt / beta))

    @jax.jit
    def ten(x: Any, key: Any) -> Any:
        def body(x: Any, key: Any) -> Any:
            f = jnp.tanh(x)
            v = x - gs * (J @ f)
            dE = v - gs * (1.0 - f * f) * (J.T @ v)
            return x - dt * dE + scale * jax.random.normal(key, x.shape, x.dtype), None

        return jax.lax.scan(body, x, jax.random.split(key, 10))[0]

    state = {"x": jnp.zeros((len(J0), len(g))), "calls": 0}

    def step() -> None:
        if state["calls"] % 10 == 0:
            state["x"] = ten(state["x"], jax.random.key(state["calls"])).block_until_ready()
        state["calls"] += 1

    return step


PEERS: dict[str, tuple[str | None, Callable[[Any, Any, Any, float], Step]]] = {
    "numpy": (None, numpy_batch),
    "one column at a time": (None, one_column),
    "torch": ("torch", torch_cpu),
    "jax": ("jax", jax_scan),
}
