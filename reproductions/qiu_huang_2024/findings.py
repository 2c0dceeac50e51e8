"""Sentences on what holds, what does not and why; every number in them is computed from the tables and runs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr

from nsslib.theory.mean_field.static import static_mean_field
from nsslib.theory.replica import solve, transition
from reproductions.qiu_huang_2024.experiments import Experiments, G
from reproductions.qiu_huang_2024.protocol import ABSOLUTE

Numbers = dict[str, float | int | str]

PEAK = (
    "Figure 5, gamma = {gamma:g}: the response peaks at the transition. The largest published r is at g = "
    "{published:g}, the largest converged one at {converged:.3f}, and 1/(1 + gamma) = {g_c:.3f}. Below 0.9 of it the "
    "two differ by at most {below:.2%}."
)
HOLDS = (
    "Figure 6, g = 0.98 and 1: {hot} values of q at beta < 2000 agree within the reading error, and all up to beta = "
    "1e4 within {all_beta:.0%}.",
    "Figure 10, below the transition: chi = 1/(1 - g^2) at {chi_below} points within the reading error.",
    "Figure 11: C and R of the static mean field agree with the exact response to {C:.1%} and {R:.1%}. At gamma = 0, "
    "g = 1.1, the published C is {C_published:.4f}; the converged replica q at beta = inf is {q_replica:.4f}.",
)
FAILS = (
    "Finite overlaps. The published Q reaches {Q_5:.3f} in figure 5 and {Q_8:.4f} in figure 8. The converged "
    "solutions at the points of both have Q = R = 0, stable against every overlap: the largest replicon eigenvalue is"
    " {replicon:.4f}.",
    "Activity above the transition. At g = 1.19 the published q of figure 5 is {ratios} of the converged one, for "
    "gamma = 0.2, 0.5, 0.8.",
    "Temperature. At g = 1.2 the converged <x^2> tends to {l2:.4f} as beta -> inf; the published one falls to "
    "{l2_published:.4f} at beta = 1e4 (figure 7).",
    "Zero temperature (figure 10). At gamma = 0.5 the published q reaches {q_10:.3f} at g = {g_10:g}; the converged q"
    " is 0 up to g = 1/sqrt(1 + gamma) = {onset:.4f}. At gamma = 0, g = 1.1 the published q is {q_11:.4f}, the "
    "converged one {q_replica:.4f}.",
    "The plateau of chi near {plateau:.0f} above g = 1 (figure 10). The converged q - Q stays finite as beta -> inf, "
    "so that chi = beta (q - Q) diverges.",
    "Static response (figure 11). At gamma = 0.5, g = 0.75 the published R is {R_published:.3f}, the exact one "
    "{R_exact:.4f}.",
)
WHY = (
    "Frozen samples. From the start of figure 8 at g = {g:g}, the published iteration with averages by quadrature has"
    " q = {exact_q:.4f}, Q/q = {exact_ratio:.4f} at iteration 100, and Q/q = {exact_last:.0e} at iteration "
    "{exact_steps}. With 60,000 fields of 10,000 frozen samples it has q = {q:.4f}, Q/q = {ratio:.2f} at iteration "
    "100 and settles at q = {end:.4f}, Q/q = {end_ratio:.2f} (last step {last:.0e}, iteration {steps}): a fixed point"
    " of the sampled map, which the equations do not have. The published Q/q there is {ratio_8:.2f}.",
    "The result depends on the samples. At g = 1.2 the protocol ends at q between {low:.4f} and {high:.4f} over "
    "{seeds} seeds; published {q_8:.4f}, converged {q_8_exact:.4f}.",
    "Figures 5 and 7 resemble such states. With {few:,} fields and {long} iterations, {draws} draws end at gamma = "
    "0.5, g = 1 at q = {q_few}, Q/q = {ratio_few} (published {q_5:.4f} and {ratio_5:.2f}; converged {q_5_exact:.4f} "
    "and 0), and at gamma = 0, g = 1.2 at <x^2> = {l2_few} for beta = 1129 (published {l2_hot:.4f}) and {l2_cold_few} "
    "for beta = 1e4 (published {l2_published:.4f}). An overlap of about half the activity and a norm that falls with "
    "beta are what the published curves show too; the values scatter by factors between draws, some of which end near "
    "the converged solution.",
    "Stopping rule. From iteration 100 on a step below {rule:.0e} in q, Q, r and R is accepted. At g = {g:g} the step"
    " at iteration 100 is {step:.0e}, with q still {away:.0%} away from where the same run settles: with a replicon "
    "eigenvalue of {marginal:.4f}, errors in the overlap shrink by less than 1 % an iteration.",
    "Zero temperature. The scheme supposes that chi stays finite. Above the transition chi is whatever the stopping "
    "rule leaves: at g = 1.1, {chi_published:.0f} published, {chi_protocol:.0f} here.",
    "The term rt G - kappa xi of the free energy, lost at T = 0 to a line break, is {dropped:.0e} at gamma = 0.5, g ="
    " 0.75 (a run with {reciprocal_fields:,} fields): without effect on the figures.",
    "Static response. At every unit dphi/dn = phi' (1 + w dphi/dn), hence R = E[phi'/(1 - w phi')]; E[phi'](1 + w R) "
    "puts the average in place of the unit's own response. With it the protocol gives R = {R_low:.3f} to {R_high:.3f}"
    " at gamma = 0.5, g = 0.75, as published.",
)
OPEN = (
    "Figure 5. Above the transition the outcome depends on the start. At gamma = 0.5, g = 1 the protocol gives q = "
    "{warm_5:.4f} if every run starts where the one before it in g stopped, and {cold_5:.4f} from q = 1e-5; published "
    "{q_5:.4f}, converged {q_5_exact:.4f}. The draw and the number of fields behind the published curves are not "
    "known: their values are not reproduced. At the transition frozen samples cause overlaps like the published ones: "
    "at gamma = 0.8, g = 0.55, R = {R_5_protocol:.1e} in the protocol, {R_5:.1e} published, 0 converged.",
    "Figure 7. The protocol's <x^2> at g = 1.2 also falls below, but later and by less: it leaves the converged curve"
    " by 5 % at beta = {leaves:.0f}, the published one at beta = {leaves_published:.0f}; at beta = 1e4 it is "
    "{l2_protocol:.3f}, published {l2_published:.4f}.",
    "Figure 8. The published q lies within one reading error of the seeds' range at {near} points up to g = 1.02, and"
    " above all {seeds} seeds at g = 1.1 and 1.2.",
    "Figure 6. From beta = 2154 on the published q at g = 0.98 lies above converged value and protocol, by "
    "{excess:.0%} of the converged value at beta = 1e4; {six} of its points agree with the protocol within the "
    "reading error.",
    "Figure 10. With the published 500,000 fields the protocol gives chi = {chi_protocol:.1f}, q = {ground_q:.4f}, "
    "-xi = {ground_xi:.3f} at gamma = 0, g = 1.1; published {chi_published:.1f}, {q_11:.4f}, {xi_published:.3f}. "
    "Where the scheme stops depends on the draw: with {few_ground:,} fields, {ground_draws} draws stop at chi = "
    "{chi_few}, q = {ground_few}.",
)


def findings(table: xr.Dataset, runs: Experiments) -> dict[str, list[str]]:
    """Claims by heading.

    Parameters
    ----------
    table : Dataset
        From `reproductions.qiu_huang_2024.compare.compare`.
    runs : Experiments
        From `reproductions.qiu_huang_2024.experiments.experiments`.

    Returns
    -------
    dict of str to list of str
    """
    numbers = _agreements(table) | _disagreements(table) | _iteration(runs) | _protocol(table)
    say = {"What holds": HOLDS, "What does not hold": FAILS, "Why": WHY, "Not reproduced": OPEN}
    claims = {title: [text.format(**numbers) for text in texts] for title, texts in say.items()}
    claims["What holds"] = [PEAK.format(**_peak(table, gamma)) for gamma in (0.2, 0.5, 0.8)] + claims["What holds"]
    return claims


def _pick(table: xr.Dataset, **at: float | str) -> xr.Dataset:
    mask = np.logical_and.reduce([np.full(table.sizes["point"], True), *(table[k].values == v for k, v in at.items())])
    return table.isel(point=np.flatnonzero(mask))


def _value(table: xr.Dataset, name: str = "published", **at: float | str) -> float:
    """`name` at the one point that `at` describes."""
    return float(_pick(table, **at)[name].values.item())


def _where(part: xr.Dataset, mask: np.ndarray) -> xr.Dataset:
    return part.isel(point=np.flatnonzero(mask))


def _top(part: xr.Dataset) -> xr.Dataset:
    """Point of the largest published value."""
    return part.isel(point=int(np.argmax(part["published"].values)))


def _relative(part: xr.Dataset) -> float:
    """Largest ``|published - converged|/|converged|``."""
    return float((abs(part["difference"]) / abs(part["converged"])).max())


def _count(errors: xr.DataArray) -> str:
    """How many points lie within one reading error."""
    return f"{int((abs(errors) <= 1.0).sum())} of {errors.size}"


def _peak(table: xr.Dataset, gamma: float) -> Numbers:
    r, g_c = _pick(table, figure=5, quantity="r", gamma=gamma), float(transition(gamma))
    g = np.linspace(0.4, 1.2, 161)
    return {
        "gamma": gamma,
        "published": float(_top(r)["g"]),
        "converged": float(g[np.argmax(solve(g, 1e4, gamma)["r"].values)]),
        "g_c": g_c,
        "below": _relative(_where(r, r["g"].values < 0.9 * g_c)),
    }


def _agreements(table: xr.Dataset) -> Numbers:
    six, chi = _pick(table, figure=6), _pick(table, figure=10, quantity="chi")
    C, R = (_pick(table, figure=11, quantity=f"{name}_static_dmft") for name in "CR")
    return {
        "hot": _count(_where(six, six["beta"].values < 2000.0)["difference_in_errors"]),
        "all_beta": _relative(six),
        "chi_below": _count(_where(chi, chi["g"].values < 1.0)["difference_in_errors"]),
        "C": _relative(C),
        "R": _relative(R),
        "C_published": _value(C, gamma=0.0, g=1.1),
        "q_replica": float(solve(1.1, np.inf)["q"]),
    }


def _disagreements(table: xr.Dataset) -> Numbers:
    five, eight = _pick(table, figure=5, quantity="Q"), _pick(table, figure=8, quantity="Q")
    q, ten = _pick(table, figure=5, quantity="q", g=1.19), _pick(table, figure=10, quantity="q", gamma=0.5)
    replicons = [solve(part["g"].values, 1e4, np.unique(part["gamma"]))["replicon"] for part in (five, eight)]
    return {
        "Q_5": float(_top(five)["published"]),
        "Q_8": float(_top(eight)["published"]),
        "replicon": max(float(values.max()) for values in replicons),
        "ratios": ", ".join(f"{x:.2f}" for x in (q["published"] / q["converged"]).values),
        "l2": float(solve(1.2, np.inf)["l2"]),
        "l2_published": _value(table, figure=7, beta=1e4),
        "q_10": float(_top(ten)["published"]),
        "g_10": float(_top(ten)["g"]),
        "onset": 1.5**-0.5,
        "q_11": _value(table, figure=10, quantity="q", gamma=0.0, g=1.1),
        "plateau": _value(table, figure=10, quantity="chi", g=1.15),
        "R_published": _value(table, figure=11, quantity="R_static_dmft", gamma=0.5, g=0.75),
        "R_exact": static_mean_field(0.75, 0.5).R,
    }


def _iteration(runs: Experiments) -> Numbers:
    sampled, exact = runs.sampled.path, runs.quadrature.path
    step, last = (float(np.abs(np.subtract(sampled[k], sampled[k - 1]))[:2].max()) for k in (101, -1))
    return {
        "g": G,
        "exact_q": exact[100].q,
        "exact_ratio": exact[100].Q / exact[100].q,
        "exact_last": exact[-1].Q / exact[-1].q,
        "exact_steps": len(exact),
        "q": sampled[100].q,
        "ratio": sampled[100].Q / sampled[100].q,
        "end": sampled[-1].q,
        "end_ratio": sampled[-1].Q / sampled[-1].q,
        "cold_5": runs.cold.state.q,
        "last": last,
        "steps": len(sampled),
        "rule": ABSOLUTE,
        "step": step,
        "away": abs(sampled[100].q / sampled[-1].q - 1.0),
        "marginal": float(solve(G, 1e4)["replicon"]),
        **_draws(runs),
        "dropped": abs(runs.reciprocal.dropped),
        "reciprocal_fields": runs.effort.reciprocal_fields,
    }


def _draws(runs: Experiments) -> Numbers:
    five, hot, cold = runs.draws.values()
    return {
        "few": runs.effort.draw_fields,
        "long": runs.effort.draw_iterations,
        "draws": len(five),
        "ground_draws": len(runs.ground),
        "q_few": _list(run.state.q for run in five),
        "ratio_few": ", ".join(f"{run.state.Q / run.state.q:.2f}" for run in five),
        "few_ground": runs.effort.ground_fields,
        "chi_few": ", ".join(f"{run.state.chi:.0f}" for run in runs.ground),
        "ground_few": _list(run.state.q for run in runs.ground),
        "l2_few": _list(run.l2 for run in hot),
        "l2_cold_few": _list(run.l2 for run in cold),
    }


def _list(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)


def _protocol(table: xr.Dataset) -> Numbers:
    eight, seven = _pick(table, figure=8, quantity="q"), _pick(table, figure=7)
    six, five = _pick(table, figure=6), _pick(table, figure=5, quantity="q", gamma=0.5, g=1.0)
    peak = _pick(table, figure=5, quantity="R", gamma=0.8, g=0.55)
    at, R = _pick(eight, g=1.2), _pick(table, quantity="R_static_dmft", gamma=0.5, g=0.75)
    ground = _pick(table, figure=10, gamma=0.0, g=1.1)
    left, left_published = (
        seven["beta"].values[np.abs(seven[name].values / seven["converged"].values - 1.0) > 0.05].min()
        for name in ("protocol", "published")
    )
    return {
        "warm_5": _value(five, "protocol"),
        "q_5": _value(five),
        "q_5_exact": _value(five, "converged"),
        "ratio_5": _value(table, figure=5, quantity="Q", gamma=0.5, g=1.0) / _value(five),
        "l2_hot": _value(seven, beta=1129.0),
        "R_5": _value(peak),
        "R_5_protocol": _value(peak, "protocol"),
        "ratio_8": _value(table, figure=8, quantity="Q", g=1.1) / _value(table, figure=8, quantity="q", g=1.1),
        "low": _value(at, "protocol_low"),
        "high": _value(at, "protocol_high"),
        "seeds": int(_value(at, "seeds")),
        "q_8": _value(at),
        "q_8_exact": _value(at, "converged"),
        "near": _count(_where(eight, eight["g"].values <= 1.02)["protocol_in_errors"]),
        "six": _count(six["protocol_in_errors"]),
        "excess": -1.0 + 1.0 / _value(six, "converged", g=0.98, beta=1e4) * _value(six, g=0.98, beta=1e4),
        "leaves": float(left),
        "leaves_published": float(left_published),
        "l2_protocol": _value(seven, "protocol", beta=1e4),
        "R_low": float(R["protocol_low"].item()),
        "R_high": float(R["protocol_high"].item()),
        "chi_published": _value(ground, quantity="chi"),
        "chi_protocol": _value(ground, "protocol", quantity="chi"),
        "ground_q": _value(ground, "protocol", quantity="q"),
        "ground_xi": _value(ground, "protocol", quantity="minus_xi"),
        "xi_published": _value(ground, quantity="minus_xi"),
    }
