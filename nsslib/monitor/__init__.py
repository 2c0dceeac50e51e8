"""Before and while a sweep runs: cost, progress, heartbeats, status."""
