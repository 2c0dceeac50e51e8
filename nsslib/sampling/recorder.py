"""What is kept of a run: series of observables, thinned trajectories, acceptance."""

from __future__ import annotations

import numpy as np

from nsslib.arrays import Array, Floats
from nsslib.errors import UserError
from nsslib.grid.sampling import Sampling
from nsslib.model.estimators import evaluate
from nsslib.model.observables import OBSERVABLES, Observable, PairProducts, SingleProducts, pairs, resolve
from nsslib.sampling.ensemble import Ensemble


class Recorder:
    """Arrays filled draw by draw, at the points that the user asked for.

    Attributes
    ----------
    single : dict of (draw, replica, g, beta) arrays
    pair : dict of (draw, pair, g, beta) arrays
    x : (draw, replica, g, beta, N) float32 array
        Thinned trajectories; its draws are those of `x_steps`.
    steps, x_steps : int arrays
        Step at which each draw was taken, 1 for the first after burn-in.
    acceptance : (replica, g, beta) array
        Sum over recorded steps of the acceptance probabilities, intermediate points of the ladder included.
    """

    def __init__(self, shard: Sampling, ensemble: Ensemble) -> None:
        sampler, save = shard.sampler, shard.sampler.save
        self.steps = np.arange(save.observables, sampler.steps + 1, save.observables)
        every = save.trajectories or sampler.steps + 1
        self.x_steps = np.arange(every, sampler.steps + 1, every)
        points, replicas = (len(shard.g), len(shard.beta)), sampler.replicas
        g, beta = shard.ladders
        self._asked = np.ix_(range(replicas), g.visible, beta.visible)
        self._g, self._beta, self._J0 = np.array(shard.g), np.array(shard.beta), ensemble.J0
        self._of_states = [entry for entry in resolve(shard.observables) if entry.kind == "state"]
        names = {kind: [o.name for o in OBSERVABLES.values() if o.kind == kind] for kind in ("single", "pair")}
        names["single"] += [entry.name for entry in self._of_states]
        shapes = {"single": (len(self.steps), replicas, *points)}
        shapes["pair"] = (len(self.steps), len(pairs(replicas)), *points)
        self.single, self.pair = ({name: np.full(shapes[k], np.nan) for name in names[k]} for k in ("single", "pair"))
        self.x = np.full((len(self.x_steps), replicas, *points, shard.N), np.nan, np.float32)
        self.acceptance = np.zeros(ensemble.shape)

    def cut(self, draws: int) -> None:
        """Drop the rows of draws that will not come."""
        frames = int(np.searchsorted(self.x_steps, self.steps[draws - 1], side="right"))
        self.steps, self.x_steps, self.x = self.steps[:draws], self.x_steps[:frames], self.x[:frames]
        for series in (self.single, self.pair):
            for name, values in series.items():
                series[name] = values[:draws]

    def count(self, ensemble: Ensemble, acceptance: Floats) -> None:
        """Add one step's acceptance probabilities (C,)."""
        self.acceptance += ensemble.by_cell(acceptance)

    def record(self, ensemble: Ensemble, step: int) -> None:
        """Record draw `step` if one is due: 1 is the first step after burn-in."""
        draw, late = divmod(step, self.steps[0])
        if late or draw > len(self.steps):
            return
        chains = ensemble.walker.reshape(ensemble.shape)[self._asked]
        # What a stopped chain would show is not drawn from its distribution.
        stopped = ensemble.stopped.reshape(ensemble.shape)[self._asked] > 0
        for name, value in self._single_and_pair(ensemble, chains, stopped).items():
            (self.single if name in self.single else self.pair)[name][draw - 1] = value
        keeps_x = len(self.x_steps) and step % self.x_steps[0] == 0
        if keeps_x or self._of_states:
            x = ensemble.backend.positions(chains)
            x[stopped] = np.nan
            for entry in self._of_states:
                self.single[entry.name][draw - 1] = self._of_state(entry, x)
            if keeps_x:
                self.x[step // self.x_steps[0] - 1] = x

    def _single_and_pair(self, ensemble: Ensemble, chains: np.ndarray, stopped: np.ndarray) -> dict[str, Array]:
        """Observables that are made of mean products."""
        single, pair = ensemble.backend.products(chains.reshape(len(chains), -1), np.repeat(self._g, len(self._beta)))
        single, pair = (a.reshape(*a.shape[:2], *chains.shape[1:]) for a in (single, pair))
        single[:, stopped] = np.nan
        pair[:, [stopped[a] | stopped[b] for a, b in pairs(len(chains))]] = np.nan
        return evaluate("single", SingleProducts(*single), self._beta, ensemble.eta) | evaluate(
            "pair", PairProducts(*pair), self._beta, ensemble.eta
        )

    def _of_state(self, entry: Observable, x: Floats) -> Floats:
        """Values of a user's observable, if they have the shape that they should have."""
        value, shape = np.asarray(entry.value(x, self._J0, self._g[:, None])), x.shape[:-1]
        if value.shape != shape:
            raise UserError(f"observable {entry.name}: returns shape {value.shape}; give (replica, g, beta) = {shape}")
        return value
