"""From series to tables: statistics, order parameters, finite-size extrapolation."""
