"""What is asked for: the closed schema of a config, and its files."""
