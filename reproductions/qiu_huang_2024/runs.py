"""The protocol at every published point: writes ``data/protocol.csv`` (about half an hour on one core).

``python -m reproductions.qiu_huang_2024.runs [figure ...]`` runs the published algorithms at their own sample counts
with fixed seeds, and prints a line a figure. Starts: figure 8 from (q, Q) = (1e-6, 1e-7); figures 6
and 7 from a random start at the smallest beta, then from beta to beta; figure 5 from a random start at
g = 0.4, then from g to g in steps of at most 0.02; figures 10 and 11 from random starts at every point.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from reproductions.qiu_huang_2024.protocol import State, chain, freeze, iterate, random_start
from reproductions.qiu_huang_2024.protocol_static import static_dmft, zero_temperature
from reproductions.qiu_huang_2024.tables import Row, read

SEEDS = {5: (1,), 6: (1, 2), 7: (1, 2), 8: (1, 2, 3, 4, 5, 6), 10: (1,), 11: (1, 2, 3, 4, 5, 6)}
# Minutes a point at the published 500,000 fields: a selection from both sides of the transition.
GROUND_POINTS = ((0.0, 0.95), (0.0, 1.0), (0.0, 1.1), (0.0, 1.19), (0.5, 0.75))
G_STEP = 0.02
FILE = Path(__file__).parent / "data" / "protocol.csv"


def _published(figure: int) -> list[Row]:
    return [row for row in read("figures") if row.figure == figure]


def _chained(figure: int, seed: int) -> Iterator[Row]:
    """Figures 5, 6 and 7: runs that start from one another."""
    frozen, rows = freeze(seed), _published(figure)
    along_g = figure == 5
    for gamma, other in sorted({(r.gamma, r.beta if along_g else r.g) for r in rows}):
        curve = [r for r in rows if r.gamma == gamma and (r.beta if along_g else r.g) == other]
        shown = {r.g if along_g else r.beta for r in curve}
        if along_g:
            steps = np.arange(min(shown), max(shown), G_STEP).round(6)
            axis = sorted({*steps.tolist(), *shown})
            points = [(g, other) for g in axis]
        else:
            axis = sorted(shown)
            points = [(other, beta) for beta in axis]
        values = dict(zip(axis, chain(points, gamma, frozen, random_start(seed)), strict=True))
        for r in curve:
            run = values[r.g if along_g else r.beta]
            value = run.l2 if r.quantity == "l2" else getattr(run.state, r.quantity)
            yield r._replace(value=float(value), seed=seed)


def _single(figure: int, seed: int) -> Iterator[Row]:
    """Figures 8, 10 and 11: every point by itself."""
    rows = _published(figure)
    frozen = freeze(seed) if figure == 8 else None
    for gamma, beta, g in dict.fromkeys((r.gamma, r.beta, r.g) for r in rows):
        if frozen is not None:
            s = iterate(State(1e-6, 1e-7), g, beta, gamma, frozen).state
            values = {"q": s.q, "Q": s.Q}
        elif figure == 11:
            values = dict(zip(("C_static_dmft", "R_static_dmft"), static_dmft(g, gamma, seed), strict=True))
        elif (gamma, g) in GROUND_POINTS:
            ground = zero_temperature(g, gamma, seed).state
            values = {"q": ground.q, "chi": ground.chi, "minus_xi": -ground.xi}
        else:
            continue
        for r in rows:
            if (r.gamma, r.beta, r.g) == (gamma, beta, g):
                yield r._replace(value=float(values[r.quantity]), seed=seed)


def run(figures: list[int]) -> None:
    """Run the protocol for `figures` and replace their rows in ``data/protocol.csv``.

    Parameters
    ----------
    figures : list of int
        Keys of `SEEDS`.
    """
    for figure in figures:
        begin = time.perf_counter()
        produce = _chained if figure in (5, 6, 7) else _single
        found = [row for seed in SEEDS[figure] for row in produce(figure, seed)]
        kept = [row for row in read("protocol") if row.figure != figure] if FILE.exists() else []
        with FILE.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(("figure", "quantity", "gamma", "beta", "g", "value", "seed"))
            for row in sorted([*kept, *found], key=lambda row: (row.figure, row.seed)):
                writer.writerow((*row.point, f"{row.value:.6g}", row.seed))
        print(f"figure {figure}: {len(found)} values in {time.perf_counter() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    run([int(argument) for argument in sys.argv[1:]] or list(SEEDS))
