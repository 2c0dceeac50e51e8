"""One realisation: means over its chains, their errors, and whether they converged."""
