"""Exact sampling of a shard: kernels, integrators, exchange, the loop and its checkpoints."""

import nsslib.compilation  # noqa: F401 (before anything is compiled)
