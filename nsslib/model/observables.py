r"""The registry of observables: one entry holds all that is known of one.

With f = phi(x) and v = x - J f (arXiv 2401.10009):

====  ==========================  ==============================================
q     f.f / N                     activity
l2    x.x / N                     norm
r     sqrt(beta) v.f / N          response; R_int = sqrt(beta) r is the integrated one
Y     beta v.v / N - 1            excess speed
Q     f_a.f_b / N                 overlap
R     sqrt(beta) v_a.f_b / N      response overlap
Yh    beta v_a.v_b / N            residual overlap
====  ==========================  ==============================================

a and b are independent replicas on the same couplings. All quantities are dimensionless.

A user adds one by `observable`, and names it in the config as ``module:function``. Nothing heavy is imported
here: what a shard costs depends on how many observables there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from nsslib.config.plugins import load
from nsslib.errors import UserError

Kind = Literal["single", "pair", "state", "derived", "ladder", "thinned"]


class SingleProducts(NamedTuple):
    """Mean products over the units of one replica: arrays (replica, ...) over N."""

    ff: Any
    xx: Any
    vv: Any
    vf: Any
    xG: Any
    GG: Any
    lap: Any


class PairProducts(NamedTuple):
    """Mean products over the units of two replicas a < b: arrays (pair, ...) over N."""

    ff: Any
    vf: Any
    fv: Any
    vv: Any


def _elsewhere(*_: Any) -> Any:
    """Stand for the value of an observable that is computed when a shard is reduced."""
    raise TypeError("no function of products, states or series")


@dataclass(frozen=True)
class Observable:
    """One quantity: how it is measured, what it is called, and what becomes of it.

    Attributes
    ----------
    name : str
        In stores and tables.
    symbol : str
        In mathtext, without dollars.
    words : str
        Name in words.
    estimator : str
        What is averaged.
    kind : str
        "single", "pair": value(products, beta, eta) of `SingleProducts` or `PairProducts`, recorded.
        "state": value(x, J0, g) of the states, recorded. "derived": value(series), a function of recorded series.
        "ladder", "thinned": computed when a shard is reduced, from exchange or from the saved states.
    value : callable
    tabulated : bool
        Whether tables have it; others are recorded only.
    diagnosed : bool
        Whether its R-hat and effective sample size decide about convergence; the energy equilibrates at once
        and says nothing.
    fitted, controlled : bool
        Whether it is extrapolated in N and compared with theory, and whether the couplings' moments explain it.
    drawn : bool
        Whether the figure of the order parameters has a row for it.
    """

    name: str
    symbol: str
    words: str
    estimator: str
    kind: Kind
    value: Callable[..., Any] = _elsewhere
    tabulated: bool = True
    diagnosed: bool = False
    fitted: bool = False
    controlled: bool = False
    drawn: bool = False

    @property
    def recorded(self) -> bool:
        """Whether it is a series of its own in the store of a shard."""
        return self.kind in ("single", "pair", "state")

    @property
    def attrs(self) -> dict[str, str]:
        """Attributes of its series."""
        return {"long_name": self.words, "units": "1", "estimator": self.estimator}

    @property
    def label(self) -> str:
        """Label of an axis."""
        return f"{self.words} ${self.symbol}$"


def _configurational(series: Any) -> Any:
    """beta <|dE|^2> / <lap E>, linearised about its value: mean and error are those of the ratio of means."""
    grad2, laplacian = (series[name] for name in ("grad2", "laplacian"))
    mean = laplacian.mean(("replica", "draw"))
    ratio = grad2.mean(("replica", "draw")) / mean
    return ratio + (grad2 - ratio * laplacian) / mean


_BUILT_IN = (
    Observable("q", "q", "activity", "|phi(x)|^2 / N", "single", lambda p, beta, eta: p.ff,
               diagnosed=True, fitted=True, controlled=True, drawn=True),
    Observable("l2", r"|x|^2/N", "norm", "|x|^2 / N", "single", lambda p, beta, eta: p.xx,
               fitted=True, controlled=True),
    Observable("energy", "E/N", "quasi-potential per unit", "E(x) / N", "single",
               lambda p, beta, eta: 0.5 * p.vv + eta * p.xx, fitted=True, controlled=True),
    Observable("r", "r", "response", "sqrt(beta) v.phi(x) / N, v = x - J phi(x)", "single",
               lambda p, beta, eta: beta**0.5 * p.vf, diagnosed=True),
    Observable("R_int", r"R_\mathrm{int}", "integrated response", "beta v.phi(x) / N, v = x - J phi(x)", "derived",
               lambda series: series["beta"] ** 0.5 * series["r"], fitted=True, controlled=True, drawn=True),
    Observable("Y", "Y", "excess speed", "beta |v|^2 / N - 1", "single", lambda p, beta, eta: beta * p.vv - 1.0,
               fitted=True, controlled=True, drawn=True),
    Observable("virial", r"\beta\,x\cdot\nabla E/N", "virial", "beta x.dE / N; exactly 1", "single",
               lambda p, beta, eta: beta * p.xG),
    Observable("grad2", r"\beta|\nabla E|^2/N", "squared gradient", "beta |dE|^2 / N", "single",
               lambda p, beta, eta: beta * p.GG, tabulated=False),
    Observable("laplacian", r"\nabla^2 E/N", "Laplacian", "lap E / N", "single", lambda p, beta, eta: p.lap,
               tabulated=False),
    Observable("configurational", r"\beta\langle|\nabla E|^2\rangle/\langle\nabla^2 E\rangle",
               "configurational temperature", "beta <|dE|^2> / <lap E>; exactly 1", "derived", _configurational),
    Observable("Q", "Q", "overlap (signed)",
               "phi(x_a).phi(x_b) / N, replicas a, b on the same couplings; 0 by symmetry if ergodic", "pair",
               lambda p, beta, eta: p.ff),
    Observable("Q_abs", "|Q|", "modulus of the overlap", "|phi(x_a).phi(x_b)| / N", "derived",
               lambda series: abs(series["Q"]), diagnosed=True, drawn=True),
    Observable("Q2", "Q^2", "squared overlap", "(phi(x_a).phi(x_b) / N)^2", "derived",
               lambda series: series["Q"] ** 2, fitted=True),
    Observable("R", "R", "response overlap", "sqrt(beta) (v_a.phi(x_b) + v_b.phi(x_a)) / 2N", "pair",
               lambda p, beta, eta: beta**0.5 * 0.5 * (p.vf + p.fv)),
    Observable("Yh", r"\hat Y", "residual overlap", "beta v_a.v_b / N", "pair", lambda p, beta, eta: beta * p.vv),
    Observable("x_phi", r"x\cdot\phi(x)/N", "correlation of x and phi(x)", "x.phi(x) / N, thinned draws", "thinned"),
    Observable("x_phi_response", r"x\cdot\phi(x)/N", "correlation of x and phi(x), from the responses",
               "rho + beta g^2 (1 + gamma)(rho q - rho_ba Q_ab - D), rho = v.phi(x) / N, thinned draws", "thinned"),
    Observable("log_z", r"\Delta\ln Z/N", "free energy beyond equipartition",
               "(log Z - log Z_0) / N + log(beta / beta_0) / 2 by Bennett's acceptance ratio along the ladder, "
               "0: point of reference", "ladder", fitted=True, controlled=True, drawn=True),
)  # fmt: skip

OBSERVABLES: dict[str, Observable] = {entry.name: entry for entry in _BUILT_IN}
"""All observables of the library by name, in the order of tables and figures."""


def names(flag: str, observables: Iterable[Observable] = _BUILT_IN) -> tuple[str, ...]:
    """Names of the observables that have an attribute: "recorded", "fitted", "drawn", ..."""
    return tuple(entry.name for entry in observables if getattr(entry, flag))


def pairs(replicas: int) -> list[tuple[int, int]]:
    """All pairs a < b of replicas."""
    return [(a, b) for a in range(replicas) for b in range(a + 1, replicas)]


def observable(
    *, words: str, estimator: str, symbol: str, name: str | None = None, diagnosed: bool = False, drawn: bool = True
) -> Callable[[Callable[..., Any]], Observable]:
    r"""Make an observable of a function of the state, for the ``observables`` of a config.

    The function is called at every draw, with

    - x, (replica, g, beta, N) array: the states,
    - J0, (N, N) array: the couplings of the realisation, J = g J0,
    - g, (g, 1) array: the coupling strengths,

    and returns its values, (replica, g, beta) array.

    Parameters
    ----------
    words, estimator : str
        Name in words, and what is averaged: attributes of every series and table.
    symbol : str
        In mathtext without dollars, for the label of an axis.
    name : str, optional
        In stores and tables; that of the function by default.
    diagnosed : bool
        Whether its R-hat and effective sample size decide about convergence.
    drawn : bool
        Whether the figure of the order parameters has a row for it.

    Returns
    -------
    decorator

    Raises
    ------
    UserError
        If the name is no identifier, or that of an observable of the library.

    Examples
    --------
    In ``mine.py``, named in a config by ``observables: ["mine:kurtosis"]``:

    >>> @nsslib.observable(words="kurtosis", estimator="<x^4> / <x^2>^2 over units", symbol=r"\kappa")
    ... def kurtosis(x, J0, g):
    ...     return (x**4).mean(-1) / (x**2).mean(-1) ** 2
    """

    def decorate(function: Callable[..., Any]) -> Observable:
        called = name or function.__name__
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", called) or called in OBSERVABLES:
            raise UserError(f"observable: {called!r} is no identifier, or the name of an observable of nsslib")
        return Observable(called, symbol, words, estimator, "state", function, diagnosed=diagnosed, drawn=drawn)

    return decorate


def resolve(paths: Iterable[str]) -> tuple[Observable, ...]:
    """Observables of the library, then those of a config, each named ``module:function``.

    Modules are searched for in the working directory, too.

    Raises
    ------
    UserError
        Naming the entry that cannot be imported or is no observable, or a name that two of them have.
    """
    chosen = list(_BUILT_IN)
    for path in paths:
        try:
            entry = load(path)
        except (ImportError, AttributeError, ValueError) as error:
            raise UserError(
                f"observables: {path}: {error}; give module:function, importable from {Path.cwd()}"
            ) from None
        if not isinstance(entry, Observable):
            raise UserError(f"observables: {path}: is no observable; decorate it with nsslib.observable(...)")
        if any(entry.name == other.name for other in chosen):
            raise UserError(f"observables: {path}: another observable is called {entry.name!r}; give it another name")
        chosen.append(entry)
    return tuple(chosen)
