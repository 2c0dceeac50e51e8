"""Stage report: the overview page and the figures of a sweep."""

from __future__ import annotations

from pathlib import Path

from nsslib.analysis.comparison.verdicts import Verdict, verdicts
from nsslib.config.schema import Config
from nsslib.report.overview import overview
from nsslib.storage import atomic, store


def overview_sweep(config: Config, results: Path) -> Path:
    """Write the verdicts on theory and what converged, the first page of the report."""
    path = results / "overview.rst"
    atomic.write_text(
        path, overview(read_verdicts(results), store.read_table(results, "order_parameters", "/convergence"))
    )
    return path


def read_verdicts(results: Path) -> list[Verdict]:
    """Verdicts of a sweep, from its tables."""
    groups = ("agreement", "effective", "critical", "overlap", "response")
    fits = {name: store.read_table(results, "fits", f"/{name}") for name in groups}
    return verdicts(fits, store.read_table(results, "order_parameters"))
