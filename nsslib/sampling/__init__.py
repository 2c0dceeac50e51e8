"""The Boltzmann measure, sampled: chains, exchange, tuning, the loop of a shard and its data."""
