"""Compiled array work: what samplers need of a processor, on one page (backend)."""

import nsslib.kernels.cache  # noqa: F401 (before anything is compiled)
