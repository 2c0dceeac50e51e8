"""Errors on two levels: thermal (chains of one realisation) and disorder (between samples).

R-hat, effective sample size and autocorrelation run over replicas and draws of one sample
only; samples are never treated as chains. The thermal part is arviz-stats (Vehtari et al. 2021).
"""

from __future__ import annotations

from collections.abc import Sequence

import arviz_stats as az
import numpy as np
import xarray as xr

from nsslib.analysis.intervals import ONE_SIGMA, half_width


def chain_statistics(series: xr.DataArray, sample_dims: Sequence[str]) -> xr.Dataset:
    """Mean of a series and how well it is known.

    Parameters
    ----------
    series : DataArray
        Chains and draws along `sample_dims` (chain first), anything else along others.
    sample_dims : sequence of two str

    Returns
    -------
    Dataset
        mean; err, its Monte Carlo standard error; ess; tau, the integrated autocorrelation time
        in draws (1 for white noise); rhat, split R-hat.
    """
    series = series.astype(np.float64)
    dims = list(sample_dims)
    count = int(np.prod([series.sizes[d] for d in dims]))
    # A series without any variance has no R-hat: nan, not a warning.
    with np.errstate(invalid="ignore", divide="ignore"):
        ess = az.ess(series, sample_dims=dims, method="mean")
        rhat = az.rhat(_two_chains(series, *dims), sample_dims=dims, method="split")
        return xr.Dataset(
            {
                "mean": series.mean(dims),
                "err": series.std(dims, ddof=1) / np.sqrt(ess),
                "ess": ess,
                "tau": count / ess,
                "rhat": rhat,
            }
        )


def _two_chains(series: xr.DataArray, chain: str, draw: str) -> xr.DataArray:
    """The halves of a single chain as two; R-hat needs chains to compare."""
    if series.sizes[chain] > 1:
        return series
    half = series.sizes[draw] // 2
    parts = [
        series.isel({draw: slice(k * half, (k + 1) * half)}).drop_vars([chain, draw], errors="ignore") for k in (0, 1)
    ]
    return xr.concat(parts, chain, coords="minimal", compat="override")


def start_disagreement(series: xr.DataArray, replica: str, hot: xr.DataArray, draw: str) -> xr.DataArray:
    """Difference between cold and hot starts in units of its error.

    Parameters
    ----------
    series : DataArray
        Dims `replica` and `draw`, and others that are kept.
    hot : boolean DataArray
        Which replicas started hot.

    Returns
    -------
    DataArray
        |mean over cold - mean over hot| / sqrt(err_cold^2 + err_hot^2).
    """
    cold, warm = (
        chain_statistics(series.isel({replica: np.flatnonzero(mask)}), (replica, draw))
        for mask in (~hot.values, hot.values)
    )
    return abs(cold["mean"] - warm["mean"]) / np.sqrt(cold["err"] ** 2 + warm["err"] ** 2)


def two_level(mean: xr.DataArray, err: xr.DataArray, dim: str = "seed") -> xr.Dataset:
    """Average over realisations with both errors.

    The half-width ``err`` covers 68.3 % for Gaussian data: the standard error between samples
    (which contains the thermal errors), times Student's factor for the few samples there are.
    With a single sample nothing is known about disorder, and only the thermal error is quoted.

    Parameters
    ----------
    mean, err : DataArray
        Mean and thermal error of every sample; nan where a sample lacks the cell.
    dim : str
        Dimension of the samples.

    Returns
    -------
    Dataset
        mean, err, err_thermal, err_disorder (what is left of the variance between samples once
        the thermal part is taken out, over the square root of their number), n.
    """
    n = mean.notnull().sum(dim)
    thermal = np.sqrt((err**2).sum(dim)) / n.where(n > 0)
    between = mean.std(dim, ddof=1, skipna=True).where(n > 1) / np.sqrt(n.where(n > 0))
    student = xr.apply_ufunc(lambda k: half_width(1.0, np.maximum(k - 1, 1), ONE_SIGMA), n)
    disorder = np.sqrt((between**2 - thermal**2).clip(min=0.0))
    return xr.Dataset(
        {
            "mean": mean.mean(dim),
            "err": xr.where(n > 1, np.maximum(between * student, thermal), thermal),
            "err_thermal": thermal,
            "err_disorder": disorder,
            "n": n,
        }
    )
