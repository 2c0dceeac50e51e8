"""From series to statements: chains (one realisation), sizes (many of them), comparison (against theory).

Every number x comes with x_err and x_interval (`nsslib.analysis.intervals`); x_enough is 1 where the data (points,
sizes, realisations) suffice for x and its error, and a number without enough data is nan or drawn hollow.
"""
