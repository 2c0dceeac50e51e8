"""The overview of a sweep: verdicts and what converged, as reStructuredText for the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr

from nsslib.analysis.comparison.verdicts import Verdict
from nsslib.grid.axes import text


def overview(verdicts: Sequence[Verdict], convergence: xr.Dataset) -> str:
    """Page with the verdicts first, then the largest converged beta of every g and N.

    Parameters
    ----------
    verdicts : sequence of Verdict
    convergence : Dataset
        Group convergence of the order parameters, dims (gamma, N, g, beta).
    """
    lines = []
    for gamma in convergence["gamma"].values.tolist():
        rows = [(row.question, f"**{row.answer}**", row.evidence) for row in verdicts if row.gamma == gamma]
        lines += _heading(f"Theory and samples at gamma = {text(gamma)}")
        lines += _table([("question", "answer", "evidence"), *rows], "36 12 52")
        of_gamma = convergence.sel(gamma=gamma)
        lines += _heading(f"Largest converged beta at gamma = {text(gamma)}")
        largest = text(float(of_gamma["beta_sampled"].max()))
        lines += [f"All points up to this beta are converged; the largest sampled one is {largest}.", ""]
        lines += _table(beta_table(of_gamma), "auto")
    return "\n".join(lines)


def beta_table(convergence: xr.Dataset) -> list[list[str]]:
    """The largest converged beta as a table in plain text.

    Parameters
    ----------
    convergence : Dataset
        Group convergence of the order parameters at one gamma.

    Returns
    -------
    list of rows
        A header with the values of g, then a row for every N; "-" where no beta is converged, "" where none was
        sampled. Sizes and couplings that were not sampled at all are left out.
    """
    sampled = convergence["beta_sampled"].notnull()
    table = convergence.isel(N=np.flatnonzero(sampled.any("g")), g=np.flatnonzero(sampled.any("N")))
    rows = [[r"N \ g", *map(text, table["g"].values.tolist())]]
    for N in table["N"].values.tolist():
        converged, largest = (table[name].sel(N=N).values for name in ("beta_max", "beta_sampled"))
        rows.append([str(N), *map(_entry, converged.tolist(), largest.tolist())])
    return rows


def _entry(converged: float, sampled: float) -> str:
    """Text of the largest converged beta."""
    if np.isnan(sampled):
        return ""
    return "-" if np.isnan(converged) else text(converged)


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
