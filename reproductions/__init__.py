"""Reproductions of published work, apart from the library."""
