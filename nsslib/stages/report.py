"""Stage report: the overview page and the figures of a sweep."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

from nsslib.analysis.comparison.verdicts import Verdict, verdicts
from nsslib.config.schema import Config
from nsslib.report import (
    convergence,
    effective,
    exchange,
    exponents,
    extrapolation,
    order_parameters,
    overlap,
    response,
    scaling,
    z_scores,
)
from nsslib.report.catalogue import Figure, figures
from nsslib.report.overview import overview
from nsslib.report.results import Results, Tables
from nsslib.report.style import STYLE
from nsslib.storage import atomic

DPI = 150

MODULES = {
    "order-parameters": order_parameters,
    "convergence": convergence,
    "scaling": scaling,
    "extrapolation": extrapolation,
    "z-scores": z_scores,
    "effective": effective,
    "exponents": exponents,
    "overlap": overlap,
    "response": response,
    "exchange": exchange,
}
"""Module of every kind of figure: ``draw(select(results, figure))`` draws it."""


def overview_sweep(config: Config, results: Path) -> Path:
    """Write the verdicts on theory and what converged, the first page of the report."""
    tables, path = Tables(results), results / "overview.rst"
    atomic.write_text(path, overview(_verdicts(tables), tables.read("order_parameters", "/convergence")))
    return path


def read_verdicts(results: Path) -> list[Verdict]:
    """Verdicts of a sweep, from its tables."""
    return _verdicts(Tables(results))


def _verdicts(tables: Tables) -> list[Verdict]:
    groups = ("agreement", "effective", "critical", "overlap", "response")
    return verdicts({name: tables.read("fits", name) for name in groups}, tables.read("order_parameters"))


def draw_sweep(config: Config, results: Path) -> list[Path]:
    """Draw every figure of a sweep; returns the files written."""
    tables = Results(results, config)
    return [file for figure in figures(config).values() for file in _write(tables, figure)]


def draw_figure(config: Config, results: Path, name: str) -> list[Path]:
    """Draw one figure of the catalogue as SVG and PNG."""
    return _write(Results(results, config), figures(config)[name])


def _write(results: Results, figure: Figure) -> list[Path]:
    module = MODULES[figure.kind]
    files = [results.path / "figures" / f"{figure.name}.{suffix}" for suffix in ("svg", "png")]
    files[0].parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        drawn = module.draw(module.select(results, figure))
        drawn.savefig(files[0], metadata={"Date": None})
        drawn.savefig(files[1], dpi=DPI)
    return files
