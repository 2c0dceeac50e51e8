"""Records: files below manifests/ whose names hang on what they stand for.

Snakemake keeps in .snakemake what a result was made with, which a copy of the results lacks. A record that is there
is right, whoever copied it here; before that ends to be so, it is removed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any


def digest(content: Any) -> str:
    """sha256 of JSON-ready content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def named(label: str, content: Any) -> str:
    """Place of the record of some content, relative to the results."""
    return f"manifests/{label}.{digest(content)[:12]}.json"


def remove(results: Path, place: str, labels: Collection[str]) -> None:
    """Remove the records of these labels at a place below manifests/, whatever they stand for."""
    for record in (results / "manifests" / place).glob("*.json"):
        if record.name.partition(".")[0] in labels:
            record.unlink(missing_ok=True)
