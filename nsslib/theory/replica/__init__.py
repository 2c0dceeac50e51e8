"""Replica theory of the quasi-potential's Gibbs measure exp(-beta E).

What one may ask, and the module that answers:

- order parameters on a grid of (gamma, g, beta): `solve` (`solver`)
- every solution at a point: `branches`; one of them along a parameter, through its folds: `trace`; the first-order
  point: `crossing` (`branches`)
- the equations and the free energy at any order parameters: `equations`, `free_energy` (`equations`)
- stability against overlaps: `replicon` (`stability`)
- closed forms of the linear phase and of the transition line: `linear_phase`, `transition` (`linear_phase`)
- the transition from the equations: its line, the peak of the response, onset, amplitudes and exponents of the
  activity (`expansions.linear_instability`, `response_peak`, `onset`, `amplitude`, `exponent`, `limits`,
  `asymptotic_activity`)
- one-step replica-symmetry breaking, where the replicon exceeds 1 (`one_step.one_step`)
- the fluctuation-response relation, in theory and on samples (`fluctuation_response`)

How it is solved: `single_site` and `averages` integrate over one site, `zero_overlap` and `finite_overlap` find the
solutions at finite temperature, `zero_temperature` those at beta = inf, `continuation` follows one of them.

Source: Qiu & Huang, arXiv 2401.10009.
"""

from nsslib.theory.replica.branches import branches, crossing, trace
from nsslib.theory.replica.equations import Order, equations, free_energy
from nsslib.theory.replica.linear_phase import LinearPhase, linear_phase, transition
from nsslib.theory.replica.solver import solve
from nsslib.theory.replica.stability import replicon

__all__ = [
    "LinearPhase",
    "Order",
    "branches",
    "crossing",
    "equations",
    "free_energy",
    "linear_phase",
    "replicon",
    "solve",
    "trace",
    "transition",
]
