"""Stage fit: extrapolation, comparison with theory, and what follows."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from nsslib.analysis.comparison.agreement import agreement
from nsslib.analysis.comparison.critical import critical_behaviour
from nsslib.analysis.comparison.effective import effective_parameters
from nsslib.analysis.comparison.overlap import overlap_verdict
from nsslib.analysis.comparison.response import response_check
from nsslib.analysis.sizes.control_variates import controlled
from nsslib.analysis.sizes.extrapolation import extrapolate
from nsslib.config.schema import Config, Model
from nsslib.storage import store


def fit_sweep(config: Config, results: Path) -> Path:
    """Extrapolate the tables in N, compare with theory, and judge its parameters, transition, overlap and response."""
    table, seeds = (store.read_table(results, "order_parameters", group) for group in ("/", "/per_seed"))
    nodes = fit_tables(table, seeds, store.read_table(results, "theory"), config.model)
    return store.publish_table(nodes, config, results, "fits")


def fit_tables(table: xr.Dataset, seeds: xr.Dataset, theory: xr.Dataset, model: Model) -> dict[str, xr.Dataset]:
    """Groups of the fits, from order parameters, those of every realisation, and replica values on the same axes."""
    explained = controlled(seeds, model.eta, model.phi)
    fits, influences = extrapolate(explained, theory, table["converged"])
    return {
        "/": fits,
        "/agreement": agreement(fits, influences),
        "/effective": effective_parameters(fits, influences, model.eta, model.phi),
        "/critical": critical_behaviour(table, explained, theory, model.eta),
        "/overlap": overlap_verdict(table, seeds, theory),
        "/response": response_check(table, seeds),
    }
