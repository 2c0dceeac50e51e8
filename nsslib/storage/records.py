"""Marker files below manifests/, removed before the files that they vouch for change."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path


def remove(results: Path, place: str, labels: Collection[str]) -> None:
    """Remove the records of these labels at a place below manifests/, whatever they stand for."""
    for record in (results / "manifests" / place).glob("*.json"):
        if record.name.partition(".")[0] in labels:
            record.unlink(missing_ok=True)
