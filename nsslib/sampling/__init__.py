"""Exact sampling of a shard: kernels, integrators, exchange, the loop and its checkpoints."""
