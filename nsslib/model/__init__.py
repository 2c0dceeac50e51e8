"""The equations in plain numpy: couplings, transfer functions, quasi-potential, observables.

Every fast path is tested against this package.
"""
