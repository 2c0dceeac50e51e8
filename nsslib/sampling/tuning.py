"""Step sizes: one a cell (g, beta), tuned in burn-in to a target acceptance, then frozen."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nsslib.config.schema import Sampler
from nsslib.config.schemes import SCHEMES
from nsslib.kernels.cpu.elementary import libm_exp
from nsslib.sampling.ensemble import Ensemble


class StepSizes:
    """Stochastic approximation of log(eps) (Robbins & Monro 1951), averaged over its second half.

    Attributes
    ----------
    log_eps, total : (g, beta) arrays
        Present value, and the sum over the second half of burn-in.
    """

    def __init__(self, sampler: Sampler, shape: tuple[int, int, int], N: int) -> None:
        scheme = SCHEMES[sampler.integrator]
        self.tuned = sampler.step_size == "auto" and scheme.exact
        start = (
            sampler.step_size
            if sampler.step_size != "auto"
            else scheme.first_step * (N**-0.25 if scheme.exact else 1.0)
        )
        self.log_eps = np.full(shape[1:], math.log(start))
        self.total = np.zeros(shape[1:])
        self._target_accept, self._burn_in = sampler.target_accept, sampler.burn_in

    @property
    def eps(self) -> NDArray[np.float64]:
        """Step sizes, (g, beta)."""
        return libm_exp(self.log_eps)

    def of_chains(self, ensemble: Ensemble) -> NDArray[np.float64]:
        """Step size of every chain, (C,); 0 where it was stopped."""
        eps = ensemble.by_chain(self.eps)
        eps[ensemble.walker[ensemble.stopped > 0]] = 0.0
        return eps

    def update(self, ensemble: Ensemble, acceptance: NDArray[np.float64], t: int) -> None:
        """Learn from the acceptance probabilities (C,) of burn-in step t; freeze at its end."""
        if not self.tuned or t >= self._burn_in:
            return
        mean = ensemble.by_cell(acceptance).mean(axis=0)
        self.log_eps += (mean - self._target_accept) / (1.0 + 0.1 * t) ** 0.6
        second_half = t - self._burn_in // 2
        if second_half >= 0:
            self.total += self.log_eps
        if t == self._burn_in - 1:
            self.log_eps[:] = self.total / (second_half + 1)
