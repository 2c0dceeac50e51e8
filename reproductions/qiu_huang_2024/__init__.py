"""The published layer: the paper's figures beside the converged theory.

`protocol` runs the algorithm of the paper (Qiu & Huang, arXiv 2401.10009) at its own sample
counts, `compare` lays published, protocol and converged values side by side, `figures` draws them
and `page` writes one self-contained HTML report. Nothing else in nsslib depends on this package.
"""
