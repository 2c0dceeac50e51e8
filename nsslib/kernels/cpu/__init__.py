"""The kernels for x86 cores: panels of chains, packed matrices, vector instructions."""
