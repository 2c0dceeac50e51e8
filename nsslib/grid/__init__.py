"""From a config to units of work: axes, ladders, shards, batches, their names and their cost."""
