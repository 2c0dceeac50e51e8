"""Replica theory of the quasi-potential's Gibbs measure.

`solve` gives the replica-symmetric order parameters on a grid; `branches`, `trace` and `crossing` every
solution at a point, one of them along a parameter, and the first-order points; `equations` and
`free_energy` are the theory itself, at any order parameters; `replicon`, `linear_phase` and `transition`
are its closed forms; `critical` holds the transition line, amplitudes and exponents, `one_step` the theory
beyond replica symmetry. Source: Qiu & Huang, arXiv 2401.10009.
"""

from nsslib.theory.replica.branches import branches, crossing, trace
from nsslib.theory.replica.equations import equations, free_energy
from nsslib.theory.replica.linear_phase import LinearPhase, linear_phase, transition
from nsslib.theory.replica.solver import solve
from nsslib.theory.replica.stability import replicon

__all__ = [
    "LinearPhase",
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
