"""Replica exchange between neighbouring cells in beta and in g.

Links alternate between even and odd ones (deterministic even/odd schedule). Replicas never
exchange with each other: they stay independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nsslib.config.schema import Exchange
from nsslib.kernels.cpu import random
from nsslib.kernels.cpu.elementary import libm_log
from nsslib.kernels.cpu.passes import energy_at
from nsslib.sampling.ensemble import Ensemble

BETA, G = 0, 1

BOTTLENECK = 0.02
"""Acceptance of its best link below which a step of the ladder is reported."""


@njit(error_model="numpy")
def _work(sums, row, g, beta, other_g, other_beta, eta):
    """Change of beta E of a row if it went from its (g, beta) to another."""
    xx, xa, aa = sums[0, row], sums[1, row], sums[2, row]
    return other_beta * energy_at(other_g, xx, xa, aa, eta) - beta * energy_at(g, xx, xa, aa, eta)


@njit(cache=True, error_model="numpy")
def _swap(axis, parity, shape, walker, cell, stopped, g, beta, sums, eta, key, names, t, accepted, shift, fermi):
    """Attempt every link of one parity along one axis; add to `accepted`, and to Bennett's averages `fermi`."""
    replicas, ng, nb = shape
    stride = 1 if axis == BETA else nb
    for r in range(replicas):
        for i in range(ng if axis == BETA else ng - 1):
            for j in range(nb - 1 if axis == BETA else nb):
                if ((j if axis == BETA else i) & 1) != parity:
                    continue
                ca = (r * ng + i) * nb + j
                cb = ca + stride
                if stopped[ca] or stopped[cb]:
                    continue
                a, b = walker[ca], walker[cb]
                there = _work(sums, a, g[ca], beta[ca], g[cb], beta[cb], eta)
                back = _work(sums, b, g[cb], beta[cb], g[ca], beta[ca], eta)
                fermi[0, r, i, j] += 1.0 / (1.0 + np.exp(there - shift[i, j]))
                fermi[1, r, i, j] += 1.0 / (1.0 + np.exp(back + shift[i, j]))
                luck = random.uniform(key, random.SWAP, 2 * t + axis, names[ca, 0], names[ca, 1])
                if np.log(luck) < -(there + back):
                    walker[ca], walker[cb] = b, a
                    cell[a], cell[b] = cb, ca
                    accepted[r, i, j] += 1


@njit(cache=True)
def _flow(axis, shape, cell, end, trips):
    """Count round trips: a chain seen at the last value and then again at the first."""
    _, ng, nb = shape
    for row in range(len(cell)):
        position = cell[row] % nb if axis == BETA else cell[row] // nb % ng
        last = (nb if axis == BETA else ng) - 1
        if position == last and last > 0:
            end[axis, row] = 1
        elif position == 0 and end[axis, row] == 1:
            end[axis, row] = 0
            trips[axis, row] += 1


@dataclass
class Exchanger:
    """Exchange of a shard and what is known of its success.

    Attributes
    ----------
    attempts : (2, 2) int array
        Rounds so far by axis (beta, g) and parity.
    accepted : (2, replica, g, beta) int array
        Accepted swaps of the link that begins at a cell, by axis.
    end : (2, C) int array
        1 for a chain that was last seen at the far end of an axis.
    trips : (2, C) int array
        Round trips of every chain by axis.
    shift : (2, g, beta) array
        Guess of -log(Z'/Z) of the link that begins at a cell, by axis: equipartition.
    fermi : (2, 2, replica, g, beta) array
        Sums of Bennett's averages (1976) of every link, by axis and by end.
    """

    settings: Exchange
    attempts: NDArray[np.int64]
    accepted: NDArray[np.int64]
    end: NDArray[np.int64]
    trips: NDArray[np.int64]
    shift: NDArray[np.float64]
    fermi: NDArray[np.float64]

    @classmethod
    def of(cls, settings: Exchange, ensemble: Ensemble) -> Exchanger:
        """Start with empty counters."""
        C, shape = len(ensemble.cell), ensemble.shape
        attempts, accepted, end, trips = (np.zeros(s, np.int64) for s in ((2, 2), (2, *shape), (2, C), (2, C)))
        shift = np.zeros((2, *shape[1:]))
        log_beta = libm_log(ensemble.cell_beta).reshape(shape)[0]
        shift[BETA, :, :-1] = 0.5 * ensemble.units * np.diff(log_beta, axis=1)
        return cls(settings, attempts, accepted, end, trips, shift, np.zeros((2, 2, *shape)))

    def reset(self) -> None:
        """Forget what burn-in counted."""
        for counter in (self.attempts, self.accepted, self.end, self.trips, self.fermi):
            counter[:] = 0

    def round(self, ensemble: Ensemble, t: int) -> None:
        """Attempt half of the links of both axes, if a round is due at step t."""
        count, late = divmod(t, self.settings.every)
        if late:
            return
        for axis, wanted in ((BETA, self.settings.beta), (G, self.settings.g)):
            if not wanted or ensemble.shape[2 if axis == BETA else 1] < 2:
                continue
            _swap(
                axis, count & 1, ensemble.shape, ensemble.walker, ensemble.cell, ensemble.stopped > 0, ensemble.cell_g,
                ensemble.cell_beta, ensemble.backend.sums(), ensemble.eta, ensemble.key, ensemble.names, t,
                self.accepted[axis], self.shift[axis], self.fermi[axis],
            )  # fmt: skip
            self.attempts[axis, count & 1] += 1
            _flow(axis, ensemble.shape, ensemble.cell, self.end, self.trips)
        ensemble.relabel()

    def rates(self, axis: int) -> NDArray[np.float64]:
        """Acceptance of every link, mean over replicas: (g, beta - 1) or (g - 1, beta)."""
        accepted = self.accepted[axis].mean(axis=0)
        accepted = accepted[:, :-1] if axis == BETA else accepted[:-1]
        link = np.arange(accepted.shape[1] if axis == BETA else accepted.shape[0])
        attempts = self.attempts[axis][link & 1]
        with np.errstate(invalid="ignore", divide="ignore"):
            return accepted / (attempts if axis == BETA else attempts[:, None])

    def log_z(self, axis: int) -> NDArray[np.float64]:
        """Log of Z at the far end of every link over Z at its beginning, by Bennett's acceptance ratio.

        Returns
        -------
        (replica, g, beta - 1) or (replica, g - 1, beta) array
            Not finite where the two ends never overlapped.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            log_z = libm_log(self.fermi[axis, 0] / self.fermi[axis, 1]) - self.shift[axis]
        return log_z[:, :, :-1] if axis == BETA else log_z[:, :-1]

    def bottlenecks(self, g: tuple[float, ...], beta: tuple[float, ...]) -> list[str]:
        """Places of the ladder that hardly any chain passes, with the remedy.

        A step of the ladder is as passable as its best link: chains may pass it at another g, or beta.

        Parameters
        ----------
        g, beta : tuple of float
            Values of the ladder.
        """
        sentences = []
        for axis, name, values, other in ((BETA, "beta", beta, 0), (G, "g", g, 1)):
            best = self.rates(axis).max(axis=other, initial=-1.0)
            for k in np.flatnonzero((best >= 0.0) & (best < BOTTLENECK)):
                sentences.append(
                    f"bottleneck between {name}={values[k]:.12g} and {name}={values[k + 1]:.12g}: at best "
                    f"{100 * best[k]:.1f} % of exchanges succeed; add a {name} between them, or raise "
                    f"sampler.exchange.acceptance"
                )
        return sentences
