"""Exact sampling of a shard: kernels, integrators, exchange, the loop and its checkpoints."""

import nsslib.kernels.cache  # noqa: F401 (before anything is compiled)
