"""BlackJAX samplers on the same energy, all chains at once, tuned by its window adaptation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CHAINS = 8
WARMUP = 500

BLACKJAX: dict[str, tuple[int, int]] = {
    "blackjax nuts": (0, 500),
    "blackjax hmc, 10 leapfrogs": (10, 4000),
    "blackjax hmc, 30 leapfrogs": (30, 2000),
}
"""Mean leapfrog steps, 0 for NUTS, and draws."""


def blackjax_series(name: str, J: NDArray[np.float64], beta: float, seed: int) -> tuple[NDArray[np.float64], float]:
    """Series of q (draw, chain), and the force evaluations of all chains together."""
    import blackjax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    n_leapfrog, draws = BLACKJAX[name]
    couplings = jnp.asarray(J, jnp.float64)

    def log_density(x: Any) -> Any:
        v = x - couplings @ jnp.tanh(x)
        return -0.5 * beta * (v @ v)

    def chain(key: Any, x: Any) -> Any:
        warm, lengths, key = jax.random.split(key, 3)
        algorithm, extra = (blackjax.hmc, {"num_integration_steps": n_leapfrog}) if n_leapfrog else (blackjax.nuts, {})
        # Nothing of the adaptation is kept: its history would fill the memory.
        adaptation = blackjax.window_adaptation(algorithm, log_density, adaptation_info_fn=lambda *_: None, **extra)
        (state, found), _ = adaptation.run(warm, x, WARMUP)
        metric = (found["step_size"], found["inverse_mass_matrix"])
        if n_leapfrog:
            # Uniform on 1 ... 2 L - 1, as ours: a fixed length would be resonant with some mode.
            sampler = blackjax.dynamic_hmc(
                log_density, *metric, integration_steps_fn=lambda key: jax.random.randint(key, (), 1, 2 * n_leapfrog)
            )
            state = sampler.init(state.position, lengths)
        else:
            sampler = blackjax.nuts(log_density, *metric)

        def one(state: Any, key: Any) -> Any:
            state, info = sampler.step(key, state)
            return state, (jnp.mean(jnp.tanh(state.position) ** 2), info.num_integration_steps)

        return jax.lax.scan(one, state, jax.random.split(key, draws))[1]

    starts = np.random.default_rng(seed).normal(size=(CHAINS, len(J))) * (np.arange(CHAINS) % 2)[:, None]
    q, steps = jax.jit(jax.vmap(chain))(jax.random.split(jax.random.key(seed), CHAINS), jnp.asarray(starts))
    return np.asarray(q).T, float(np.sum(steps))
