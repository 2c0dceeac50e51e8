"""Marker files below manifests/ that let Snakemake see a changed config.

Snakemake compares outputs by name, so the name of a marker contains a hash of the settings it stands for: another
config means another, missing file, hence a rerun, even in a copied directory of results without .snakemake. A marker
is removed before the files it stands for change.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path


def remove(results: Path, folder: str, labels: Collection[str]) -> None:
    """Remove the markers with these labels in a folder of manifests/, of whatever settings."""
    for marker in (results / "manifests" / folder).glob("*.json"):
        if marker.name.partition(".")[0] in labels:
            marker.unlink(missing_ok=True)
