"""Compiled array work: what samplers need of a processor, behind one page (backend)."""
