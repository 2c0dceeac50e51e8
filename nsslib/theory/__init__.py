"""Replica theory of the quasi-potential's Gibbs measure.

`solve` gives the replica-symmetric order parameters on a grid; `equations` and `free_energy` are
the theory itself, at any order parameters; `replicon`, `linear_phase` and `transition` are its
closed forms. Source: Qiu & Huang, arXiv 2401.10009.
"""

from nsslib.theory.equations import equations, free_energy
from nsslib.theory.linear_phase import LinearPhase, linear_phase, transition
from nsslib.theory.replica import solve
from nsslib.theory.stability import replicon

__all__ = ["LinearPhase", "equations", "free_energy", "linear_phase", "replicon", "solve", "transition"]
