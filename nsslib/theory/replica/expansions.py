"""The transition: its line, the peak of the response, amplitudes and exponents of the activity.

Everything is computed from the replica-symmetric equations, by root finding and implicit
differentiation, for comparison with its asymptotic form. With phi(x) = x - c x^3 + ... (c = 1/3 for tanh,
pi/12 for erf), t = 1/beta and small q the zero-overlap branch has

    d(-beta f)/d ln q = (t/v)(1 - A)/2 - 3 c q (1/(g^2 (1 + gamma)) - 1)
    A = (1 + T)/(g (1 + gamma + T))^2,   T = t/(g^2 q),   v = g^2 q (1 + T)

to leading order, with the next term - 6 c^2 (3 + gamma) q^2 where the last one vanishes, at g = 1/(1 + gamma)^(1/2)
(derived at gamma = 0; the dependence on gamma is what `amplitude` gives, to all its digits). It
follows that, with g_c = 1/(1 + gamma),

    q = t R_int^2/(1 - g^2 R_int^2)                                     g < g_c
    q = (t/(6 c))^(1/2)                                                 g = g_c, gamma = 0
    q = (t^2 (1 + gamma)^3 (1 - gamma)/(6 c gamma))^(1/3)                g = g_c, 0 < gamma < 1
    q = (8 t^3/(3 c))^(1/4)                                             g = g_c, gamma = 1
    q = (t (1 - g_c^2/g^2)(1 + gamma)/(6 c (1 - g^2 (1 + gamma))))^(1/2)    g_c < g < 1/(1 + gamma)^(1/2)

    q = (t gamma/(12 c^2 (3 + gamma)))^(1/3)                            g = 1/(1 + gamma)^(1/2), gamma > 0

and that at t = 0 the activity of this branch starts at g = 1/(1 + gamma)^(1/2) if gamma >= 0, with
slope dq/dg = (1 + gamma)^(1/2)/(c (3 + gamma)). For gamma < 0 the branch jumps (`branches.crossing`) while unstable.

With eta > 0 fixed there is no transition at t = 0 (`linear_phase`, with the proof). At fixed h = beta eta the
origin is as without: g_c stays, and d(-beta f)/d ln q is smaller by h q to leading order, so that for gamma >= 0 the
activity starts at g = ((1 + gamma)(1 - h/(3 c)))^(-1/2), and from h = 3 c on not at all.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.optimize import brentq, minimize_scalar

from nsslib.errors import UserError
from nsslib.model.transfer import Phi
from nsslib.theory.replica.continuation import follow, unknowns
from nsslib.theory.replica.equations import Point
from nsslib.theory.replica.finite_overlap import finite_overlaps
from nsslib.theory.replica.linear_phase import linear_phase, response_maximum, transition
from nsslib.theory.replica.single_site import transfer_function
from nsslib.theory.replica.solver import KINDS, solve
from nsslib.theory.replica.zero_overlap import paramagnets


def cubic(phi: str | Phi = "tanh") -> float:
    """Coefficient c of phi(x) = x - c x^3 + ..., from phi''/phi' = -6 c x + ..."""
    f = transfer_function(phi)
    x = np.array([1e-4])
    return float(-f.log_slope(x)[0] / (6.0 * x[0]))


def linear_instability(gamma: float) -> float:
    """Coupling where the activity of the linear phase diverges, from the equations.

    Parameters
    ----------
    gamma : float
        Reciprocity in (-1, 1].

    Returns
    -------
    float
        g_c, by extrapolating 1/q of the solutions for linear phi to zero; compare `transition`.
    """

    def inverse(g: float) -> float:
        return 1.0 / float(solve(g, 1.0, gamma, phi="linear", branch="zero-overlap")["q"])

    # g is a smooth function of 1/q, whatever the power with which q diverges.
    g = [0.6 / (1.0 + gamma), 0.8 / (1.0 + gamma)]
    f = [inverse(g[0]), inverse(g[1])]
    while True:
        known = min(len(g), 6)
        end = float(np.polynomial.Polynomial.fit(f[-known:], g[-known:], known - 1)(0.0))
        if f[-1] < 1e-3:
            return end
        # Not all the way: the equations have no solution beyond.
        g.append(0.7 * g[-1] + 0.3 * end)
        f.append(inverse(g[-1]))


def response_peak(gamma: float, beta: float = np.inf, eta: float = 0.0, phi: str | Phi = "tanh") -> tuple[float, float]:
    """Coupling and height of the maximum of R_int along g on the zero-overlap branch.

    Parameters
    ----------
    gamma, beta, eta, phi
        As for `solve`, scalars.

    Returns
    -------
    (g, R_int)
        At beta = inf and eta = 0 a cusp at g_c, of height 1 + gamma; rounded and lower otherwise, for eta > 0 at
        beta = inf as `linear_phase.response_maximum` has it.

    Raises
    ------
    UserError
        If gamma <= 0 (R_int falls with g from g = 0 on, or the branch jumps first), or if eta is so
        large that R_int falls with g too.
    """
    if gamma <= 0.0:
        raise UserError(f"gamma: {gamma} has no peak of the response; give a reciprocity in (0, 1]")
    expected, _ = response_maximum(gamma, eta) if eta > 0.0 else (float(transition(gamma)), 1.0 + gamma)
    f = transfer_function(phi)
    expected /= float(f.derivative(np.zeros(1))[0])

    def response(g: float) -> float:
        return float(solve(g, beta, gamma, eta, f, branch="zero-overlap")["R_int"])

    best = minimize_scalar(
        lambda g: -response(g), bounds=(0.5 * expected, 2.0 * expected), method="bounded", options={"xatol": 1e-10}
    )
    return float(best.x), -float(best.fun)


def onset(gamma: float, phi: str | Phi = "tanh", confinement: float = 0.0) -> float:
    """Coupling where the zero-temperature activity of the zero-overlap branch starts, gamma >= 0.

    Parameters
    ----------
    gamma : float
        Reciprocity in [0, 1].
    phi
        As for `solve`.
    confinement : float
        h = beta eta, kept fixed as beta -> inf.

    Returns
    -------
    float
        Extrapolated from the equations at beta = inf; compare ((1 + gamma)(1 - h/(3 c)))^(-1/2).

    Raises
    ------
    UserError
        If gamma < 0, where it does not start continuously, or h >= 3 c, where it does not start.
    """
    return float(_rising(gamma, phi, confinement)(0.0))


def amplitude(gamma: float, phi: str | Phi = "tanh", confinement: float = 0.0) -> float:
    """Slope dq/dg of the zero-temperature activity at its onset, gamma >= 0.

    Parameters and errors as for `onset`; compare sqrt(1 + gamma)/(c (3 + gamma)) without confinement.
    """
    return float(1.0 / _rising(gamma, phi, confinement).deriv()(0.0))


def _rising(gamma: float, phi: str | Phi, confinement: float) -> np.polynomial.Polynomial:
    """Coupling as a function of the zero-temperature activity, near its onset."""
    if gamma < 0.0:
        raise UserError(f"gamma: {gamma} has a jump instead of an onset; give a reciprocity in [0, 1]")
    most = 3.0 * cubic(phi)
    if not 0.0 <= confinement < most:
        raise UserError(f"confinement: nothing starts at beta eta = {confinement}; give a number in [0, {most:.6g})")
    expected = 1.0 / np.sqrt((1.0 + gamma) * (1.0 - confinement / most))
    g = (1.0 + np.arange(1, 9) * 0.004) * expected
    with np.errstate(all="ignore"):
        every = paramagnets([Point(value, 0.0, gamma, confinement, transfer_function(phi)) for value in g])
    q = [max(s.order.q for s in solutions) for solutions in every]
    return np.polynomial.Polynomial.fit(q, g, 6)


def exponent(
    g: float, beta: float, gamma: float = 0.0, eta: float = 0.0, phi: str | Phi = "tanh", branch: str = "zero-overlap"
) -> float:
    """Local exponent -d ln q/d ln beta, by implicit differentiation of the equations.

    Parameters
    ----------
    g, beta, gamma, eta, phi
        As for `solve`, scalars; beta finite.
    branch : {"zero-overlap", "finite-overlap"}
        The leading solution of which branch.

    Returns
    -------
    float
        NaN where there is no such solution.
    """
    point = Point(g, 1.0 / beta, gamma, beta * eta, transfer_function(phi))
    with np.errstate(all="ignore"):
        solutions = paramagnets([point])[0]
        if branch == KINDS[1]:
            solutions = finite_overlaps(solutions, point)
        if not solutions:
            return float("nan")
        curve, u = unknowns(solutions[0])
        vertex, _ = next(follow(curve, u, point, "beta", 1.0, 1.0))
    # The first unknown is q in units of itself (or ln q), the last ln beta.
    return float(-vertex.tangent[0] / vertex.tangent[-1])


def asymptotic_activity(g: float, beta: float, gamma: float = 0.0, phi: str | Phi = "tanh") -> float:
    """Leading small-q activity of the zero-overlap branch, gamma >= 0; see the module's docstring.

    Parameters
    ----------
    g, beta, gamma, phi
        As for `solve`, scalars; beta large.

    Returns
    -------
    float
        The root q of the leading order of d(-beta f)/d ln q, which contains every limit above.
    """
    t, c, width = 1.0 / beta, cubic(phi), g**2 * (1.0 + gamma)

    def slope(ln_q: float) -> float:
        q = np.exp(ln_q)
        T = t / (g * g * q)
        A = (1.0 + T) / (g * (1.0 + gamma + T)) ** 2
        return float(
            0.5 * T / (1.0 + T) * (1.0 - A) - 3.0 * c * q * (1.0 / width - 1.0) - 6.0 * c * c * (3.0 + gamma) * q * q
        )

    return float(np.exp(brentq(slope, np.log(0.1 * t), 0.0, xtol=1e-13)))


def limits(gamma: float, beta: float, phi: str | Phi = "tanh") -> xr.Dataset:
    """Activities and local exponents below, at and above g_c with their asymptotic forms, gamma >= 0.

    Parameters
    ----------
    gamma, beta, phi
        As for `solve`, scalars; beta finite and large.

    Returns
    -------
    xarray.Dataset
        Dimension `regime` ("below": 0.8 g_c, "transition": g_c, and for gamma > 0 "onset": 1/sqrt(1 + gamma), and
        "between": the mean of these two): g, q, q_limit, exponent, exponent_limit.
    """
    g_c, c, t = float(transition(gamma)), cubic(phi), 1.0 / beta
    couplings = {"below": 0.8 * g_c, "transition": g_c}
    expected = {"below": (t * float(linear_phase(0.8 * g_c, gamma).beta_q), 1.0)}
    if gamma == 0.0:
        expected["transition"] = (np.sqrt(t / (6.0 * c)), 0.5)
    elif gamma < 1.0:
        expected["transition"] = (np.cbrt(t**2 * (1.0 + gamma) ** 3 * (1.0 - gamma) / (6.0 * c * gamma)), 2.0 / 3.0)
    else:
        expected["transition"] = ((8.0 * t**3 / (3.0 * c)) ** 0.25, 0.75)
    if gamma > 0.0:
        couplings["onset"] = 1.0 / np.sqrt(1.0 + gamma)
        expected["onset"] = (np.cbrt(t * gamma / (12.0 * c**2 * (3.0 + gamma))), 1.0 / 3.0)
        g = couplings["between"] = 0.5 * (g_c + couplings["onset"])
        width = g**2 * (1.0 + gamma)
        q2 = t * (1.0 - (g_c / g) ** 2) * (1.0 + gamma) / (6.0 * c * (1.0 - width))
        expected["between"] = (np.sqrt(q2), 0.5)
    q = [float(solve(g, beta, gamma, phi=phi, branch="zero-overlap")["q"]) for g in couplings.values()]
    table = {
        "g": list(couplings.values()),
        "q": q,
        "q_limit": [expected[name][0] for name in couplings],
        "exponent": [exponent(g, beta, gamma, phi=phi) for g in couplings.values()],
        "exponent_limit": [expected[name][1] for name in couplings],
    }
    data = xr.Dataset({name: ("regime", values, {"units": "1"}) for name, values in table.items()})
    return data.assign_coords(regime=list(couplings), gamma=gamma, beta=beta)
