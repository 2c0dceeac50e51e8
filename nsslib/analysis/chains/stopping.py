"""How far a running shard is: its worst point, and whether its diagnostics end it."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from nsslib.analysis.chains.statistics import chain_statistics, start_disagreement
from nsslib.grid.sampling import Sampling
from nsslib.sampling.run import Diagnosis, Judge


def judge_of(shard: Sampling) -> Judge:
    """Judge of a shard: a function of its series of q so far, (draw, replica, g, beta)."""
    stop_when = shard.sampler.stop_when
    hot = xr.DataArray(np.arange(shard.sampler.replicas) % 2 == 1, dims="replica")
    coords = {"g": np.array(shard.g), "beta": np.array(shard.beta)}

    def judge(series: NDArray[np.float64]) -> Diagnosis:
        if len(series) < 8:
            return Diagnosis(False, "")
        q = xr.DataArray(series, coords, ("draw", "replica", "g", "beta"))
        statistics = chain_statistics(q, ("replica", "draw"))
        ess = statistics["ess"].transpose("g", "beta").fillna(0.0).values
        i, j = np.unravel_index(np.argmin(ess), ess.shape)
        remark = f"ESS of q at least {ess[i, j]:.0f} (g={shard.g[i]:.12g}, beta={shard.beta[j]:.12g})"
        if stop_when is None:
            return Diagnosis(False, remark)
        agree = start_disagreement(q, "replica", hot, "draw") <= stop_when.cold_hot
        passed = (statistics["ess"] >= stop_when.ess) & (statistics["rhat"] <= stop_when.rhat) & agree
        return Diagnosis(bool(passed.all()), remark)

    return judge
