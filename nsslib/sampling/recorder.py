"""What is kept of a run: series of observables, thinned trajectories, acceptance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nsslib.grid.shard import Shard
from nsslib.model.estimators import evaluate
from nsslib.model.observables import OBSERVABLES, PairProducts, SingleProducts, pairs
from nsslib.sampling.ensemble import Ensemble


class Recorder:
    """Arrays filled draw by draw, visible cells only.

    Attributes
    ----------
    single : dict of (draw, replica, g, beta) arrays
    pair : dict of (draw, pair, g, beta) arrays
    x : (draw, replica, g, beta, N) float32 array
        Thinned trajectories; its draws are those of `x_steps`.
    steps, x_steps : int arrays
        Step at which each draw was taken, 1 for the first after burn-in.
    acceptance : (replica, g, beta) array
        Sum over recorded steps of the acceptance probabilities, hidden columns included.
    """

    def __init__(self, shard: Shard, ensemble: Ensemble) -> None:
        sampler = shard.sampler
        save = sampler.save
        self.steps = np.arange(save.observables, sampler.steps + 1, save.observables)
        self.x_steps = (
            np.arange(save.trajectories, sampler.steps + 1, save.trajectories) if save.trajectories else self.steps[:0]
        )
        cells = (len(shard.g), len(shard.beta))
        replicas = sampler.replicas
        g, beta = shard.ladders
        self._visible = np.ix_(range(replicas), g.visible, beta.visible)
        self._g, self._beta = np.repeat(shard.g, len(shard.beta)), np.array(shard.beta)
        count = len(pairs(replicas))
        self.single, self.pair = (
            {o.name: np.full((len(self.steps), n, *cells), np.nan) for o in OBSERVABLES.values() if o.kind == kind}
            for kind, n in (("single", replicas), ("pair", count))
        )
        self.x = np.full((len(self.x_steps), replicas, *cells, shard.N), np.nan, np.float32)
        self.acceptance = np.zeros(ensemble.shape)

    def cut(self, draws: int) -> None:
        """Forget the places of draws that will not come."""
        frames = int(np.searchsorted(self.x_steps, self.steps[draws - 1], side="right"))
        self.steps, self.x_steps, self.x = self.steps[:draws], self.x_steps[:frames], self.x[:frames]
        for series in (self.single, self.pair):
            for name, values in series.items():
                series[name] = values[:draws]

    def count(self, ensemble: Ensemble, acceptance: NDArray[np.float64]) -> None:
        """Add one step's acceptance probabilities (C,)."""
        self.acceptance += ensemble.by_cell(acceptance)

    def record(self, ensemble: Ensemble, step: int) -> None:
        """Record draw `step` if one is due: 1 is the first step after burn-in."""
        draw, late = divmod(step, self.steps[0])
        if late or draw > len(self.steps):
            return
        rows = ensemble.walker.reshape(ensemble.shape)[self._visible]
        single, pair = ensemble.backend.products(rows.reshape(len(rows), -1), self._g)
        single, pair = (a.reshape(*a.shape[:2], *rows.shape[1:]) for a in (single, pair))
        # What a stopped chain would show is not drawn from its distribution.
        stopped = ensemble.stopped.reshape(ensemble.shape)[self._visible] > 0
        single[:, stopped] = np.nan
        pair[:, [stopped[a] | stopped[b] for a, b in pairs(len(rows))]] = np.nan
        for name, value in evaluate("single", SingleProducts(*single), self._beta, ensemble.eta).items():
            self.single[name][draw - 1] = value
        for name, value in evaluate("pair", PairProducts(*pair), self._beta, 0.0).items():
            self.pair[name][draw - 1] = value
        if len(self.x_steps) and step % self.x_steps[0] == 0:
            x = ensemble.backend.positions(rows)
            x[stopped] = np.nan
            self.x[step // self.x_steps[0] - 1] = x
