"""Runs of the published iteration beyond its stopping rule, which show where its results come from."""

from __future__ import annotations

from typing import NamedTuple

from reproductions.qiu_huang_2024.protocol import FIELDS, Run, State, exact, freeze, iterate, random_start
from reproductions.qiu_huang_2024.protocol_static import GroundRun, zero_temperature

# Start of figure 8, coupling strength and inverse temperature of the first runs.
START, G, BETA = State(1e-6, 1e-7), 1.1, 1e4
# Points (g, beta, gamma) of figures 5 and 7, with the number of draws at each.
POINTS = {(1.0, 1e4, 0.5): 8, (1.2, 1129.0, 0.0): 4, (1.2, 1e4, 0.0): 4}
GROUND_DRAWS = 4


class Effort(NamedTuple):
    """Numbers of fields and of iterations."""

    fields: int = FIELDS
    iterations: int = 700
    exact_iterations: int = 3000
    draw_fields: int = 3000
    draw_iterations: int = 500
    ground_fields: int = 5000
    ground_iterations: int = 1000
    reciprocal_fields: int = 2000
    reciprocal_iterations: int = 300


class Experiments(NamedTuple):
    """Runs of the published iteration."""

    sampled: Run
    """gamma = 0, from the start of figure 8, with frozen samples."""
    quadrature: Run
    """The same with exact averages."""
    cold: Run
    """gamma = 0.5, g = 1, from a random start at q = 1e-5, with frozen samples."""
    draws: dict[tuple[float, float, float], list[Run]]
    """Runs at (g, beta, gamma) of `POINTS`, one for each draw of fewer fields."""
    ground: list[GroundRun]
    """The zero-temperature scheme at gamma = 0, g = 1.1, one run for each draw of fewer fields."""
    reciprocal: GroundRun
    """The zero-temperature scheme at gamma = 0.5, g = 0.75."""
    effort: Effort


def sampled(effort: Effort) -> Run:
    """Iterate at gamma = 0 with frozen samples, beyond the stopping rule."""
    return iterate(START, G, BETA, 0.0, freeze(1, effort.fields), patience=effort.iterations, most=effort.iterations)


def quadrature(effort: Effort) -> Run:
    """Iterate at gamma = 0 with exact averages."""
    most = effort.exact_iterations
    return iterate(START, G, BETA, 0.0, exact(), patience=most, most=most)


def draws(effort: Effort) -> dict[tuple[float, float, float], list[Run]]:
    """Iterate at each of `POINTS` with several draws of the fields."""
    most, fields = effort.draw_iterations, effort.draw_fields
    return {
        (g, beta, gamma): [
            iterate(START, g, beta, gamma, freeze(1 + k, fields), patience=most, most=most) for k in range(count)
        ]
        for (g, beta, gamma), count in POINTS.items()
    }


def ground(effort: Effort) -> list[GroundRun]:
    """Run the zero-temperature scheme at gamma = 0 with several draws of the fields."""
    fields, most = effort.ground_fields, effort.ground_iterations
    return [zero_temperature(G, 0.0, 1 + k, fields, most=most) for k in range(GROUND_DRAWS)]


FULL = Effort()


def experiments(effort: Effort = FULL) -> Experiments:
    """Run all of them; five minutes on one core at full effort.

    Parameters
    ----------
    effort : Effort
        Numbers of fields and iterations; `iterations` and `exact_iterations` more than 101.
    """
    cold = iterate(random_start(1), 1.0, BETA, 0.5, freeze(1, effort.fields))
    most = effort.reciprocal_iterations
    reciprocal = zero_temperature(0.75, 0.5, seed=1, fields=effort.reciprocal_fields, most=most)
    return Experiments(sampled(effort), quadrature(effort), cold, draws(effort), ground(effort), reciprocal, effort)
