"""Many realisations and sizes: scatter, resampling, control variates, extrapolation in N."""
