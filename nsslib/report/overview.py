"""The overview of a sweep: verdicts and what converged, as reStructuredText for the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import xarray as xr

from nsslib.analysis.chains.convergence import beta_table
from nsslib.analysis.comparison.verdicts import Verdict
from nsslib.grid.axes import text


def overview(found: Sequence[Verdict], convergence: xr.Dataset) -> str:
    """Page with the verdicts first, then the largest converged beta of every g and N.

    Parameters
    ----------
    found : sequence of Verdict
    convergence : Dataset
        Group convergence of the order parameters.
    """
    lines = []
    for gamma in convergence["gamma"].values.tolist():
        rows = [(row.question, f"**{row.answer}**", row.evidence) for row in found if row.gamma == gamma]
        lines += _heading(f"Theory and samples at gamma = {text(gamma)}")
        lines += _table([("question", "answer", "evidence"), *rows], "36 12 52")
        here = convergence.sel(gamma=gamma)
        lines += _heading(f"Largest converged beta at gamma = {text(gamma)}")
        largest = text(float(here["beta_sampled"].max()))
        lines += [f"All cells up to this beta are converged; the largest sampled one is {largest}.", ""]
        lines += _table(beta_table(here), "auto")
    return "\n".join(lines)


def _heading(words: str) -> list[str]:
    return [words, "-" * len(words), ""]


def _table(rows: Iterable[Sequence[str]], widths: str) -> list[str]:
    """List table whose first row is its header."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in rows:
        first, *others = (_literal(cell) for cell in row)
        lines += [f"   * - {first}", *(f"     - {cell}" for cell in others)]
    return [*lines, ""]


def _literal(cell: str) -> str:
    """A cell whose bars and backslashes are text."""
    return cell.replace("\\", "\\\\").replace("|", "\\|")
