"""Data against theory: agreement, effective parameters, critical behaviour, overlap, response, verdicts."""
