"""Verdicts: what a sweep says of replica theory, a line each, with the numbers behind it.

Only converged points with enough sizes and realisations take part; without any the verdict is open.
Points of one realisation share couplings and lie on one side of theory together, so where a share
of points is judged, 90 % within two standard deviations count as agreement, not 95 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from nsslib.grid.axes import text
from nsslib.model.observables import OBSERVABLES

AGREE, DISAGREE, OPEN = "agree", "disagree", "not converged"
P_MIN = 0.01
"""Probability of larger deviations below which a table does not agree."""
SHARE = 0.9
"""Share of the points within two standard deviations that counts as agreement."""
COLLAPSED = 2.0
"""Mean squared misfit over its variance up to which curves of several sizes count as one."""


class Verdict(NamedTuple):
    """One question to a sweep at one reciprocity, and its answer: agree, disagree or not converged."""

    gamma: float
    question: str
    answer: str
    evidence: str


def verdicts(fits: Mapping[str, xr.Dataset], table: xr.Dataset) -> list[Verdict]:
    """Verdicts on replica theory for every reciprocity of a sweep.

    Parameters
    ----------
    fits : mapping of str to Dataset
        Groups of the fits: agreement, effective, critical, overlap, response.
    table : Dataset
        Order parameters, dims (gamma, N, g, beta).

    Returns
    -------
    list of Verdict
        By gamma: fitted coupling, every order parameter, exponents, edge of chaos, overlap and
        fluctuation-response.
    """
    result = []
    for gamma in table["gamma"].values.tolist():
        groups = {name: group.sel(gamma=gamma) for name, group in fits.items()}
        rows = [_fitted_coupling(groups["effective"]), *_order_parameters(groups["agreement"])]
        rows += [_exponents(groups["critical"]), *_edge(groups["critical"]), _overlap(groups["overlap"])]
        rows.append(_response(groups["response"], table["converged"].sel(gamma=gamma)))
        result += [Verdict(gamma, *row) for row in rows]
    return result


Row = tuple[str, str, str]


def _fitted_coupling(effective: xr.Dataset) -> Row:
    question = "coupling g fitted to q, R_int, Y, |x|^2 against the simulated one"
    points, share = int(effective["points"]), float(effective["within_2"])
    if not points:
        return question, OPEN, "no converged point with enough sizes and samples"
    comparable = (effective["converged"] > 0) & effective["g_fit_z"].notnull()
    deviation = (effective["g_fit"] / effective["g"] - 1.0).where(comparable)
    evidence = f"{share:.0%} of {points} points within 2 sigma; median deviation {float(deviation.median()):+.2%}"
    return question, _answer(share >= SHARE), f"{evidence}, largest {float(abs(deviation).max()):.2%}"


def _order_parameters(agreement: xr.Dataset) -> Iterator[Row]:
    for name in agreement["observable"].values.tolist():
        row = agreement.sel(observable=name)
        question = f"{OBSERVABLES[name].words} ({name}) at N = infinity"
        if not row["points"] > 0:
            yield question, OPEN, "no converged point with enough sizes and samples"
            continue
        p = float(row["p_value"])
        evidence = (
            f"chi2 = {float(row['chi2']):.1f} for {float(row['dof']):.1f} independent points, p = {p:.2g}; "
            f"{float(row['within_2']):.0%} of {int(row['points'])} points within 2 sigma, largest z = "
            f"{float(row['largest_z']):+.1f} at g = {text(float(row['largest_z_g']))}, "
            f"beta = {text(float(row['largest_z_beta']))}"
        )
        yield question, _answer(p >= P_MIN), evidence


def _exponents(critical: xr.Dataset) -> Row:
    question = "exponents of q in beta, minus those of theory at the same beta, at N = infinity"
    z = critical["exponent_excess_z"].dropna("g")
    if not z.size:
        return question, OPEN, "nowhere three sizes with three converged beta each"
    worst = z.isel(g=int(np.argmax(np.abs(z.values))))
    share = float((abs(z) <= 2.0).mean())
    largest = f"largest z = {float(worst):+.1f} at g = {text(float(worst['g']))}"
    return question, _answer(share >= SHARE), f"{share:.0%} of {z.size} couplings within 2 sigma, {largest}"


def _edge(critical: xr.Dataset) -> Iterator[Row]:
    """The bend of R_int against the same estimator on the replica curve; the collapse against 1/(1 + gamma)."""
    question, beta = "g where R_int bends down most, at N = infinity", float(critical["kink_beta"])
    answer, evidence = _interval(critical, "kink_limit", float(critical["kink_theory"]))
    yield question, answer, evidence if answer == OPEN else f"at beta = {text(beta)}: {evidence}"
    if not np.isfinite(critical["nu_theory"]):
        return  # a transition of first order does not scale
    answer, evidence = _interval(critical, "collapse_g_c", float(critical["g_c_theory"]))
    quality = float(critical["collapse_quality"])
    if quality > COLLAPSED:
        answer, evidence = OPEN, f"no collapse: squared misfit {quality:.1f} times its variance, sizes are too small"
    yield "g_c from the scaling collapse of q", answer, evidence


def _interval(critical: xr.Dataset, name: str, right: float) -> tuple[str, str]:
    """Whether the 95 % interval of a number contains that of theory."""
    value, (low, high) = float(critical[name]), critical[f"{name}_interval"].values.tolist()
    if not np.isfinite([value, low, high, right]).all():
        return OPEN, "too few couplings, sizes or converged points"
    return _answer(low <= right <= high), f"{value:.3f}, 95 % interval {low:.3f} to {high:.3f}; theory {right:.3f}"


def _overlap(overlap: xr.Dataset) -> Row:
    """A point contradicts theory where theory has an overlap and it vanishes, or the other way round."""
    question = "overlap of two replicas at N = infinity"
    decided, expected = overlap["verdict"].values, np.where(overlap["Q_theory"].values > 1e-9, 2, 1)
    vanishes, finite, open_ = (int((decided == k).sum()) for k in (1, 2, 0))
    evidence = f"vanishes in {vanishes} points, finite in {finite}, undecided in {open_}"
    wrong = int(((decided != expected) & (decided > 0)).sum())
    if not vanishes + finite:
        return question, OPEN, evidence
    return question, _answer(wrong <= (1.0 - SHARE) * (vanishes + finite)), f"{evidence}; {wrong} against theory"


def _response(response: xr.Dataset, converged: xr.DataArray) -> Row:
    question = "fluctuation-response relation of the samples, exact at every N"
    z = response["residual_z"].where(converged > 0).values
    z = z[np.isfinite(z)]
    if not len(z):
        return question, OPEN, "no converged point with saved trajectories"
    p = float(response["p_value_all"])
    evidence = f"all together p = {p:.2g}; {np.mean(np.abs(z) <= 2.0):.0%} of {len(z)} points within 2 sigma"
    return question, _answer(p >= P_MIN), f"{evidence}, largest |z| = {np.abs(z).max():.1f}"


def _answer(agrees: bool) -> str:
    return AGREE if agrees else DISAGREE
