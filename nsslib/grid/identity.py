"""What names a thing: digests of settings, and the marker files that carry them."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest(content: Any) -> str:
    """sha256 of JSON-ready content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def named(label: str, content: Any) -> str:
    """Place of the marker file of some content, relative to the results."""
    return f"manifests/{label}.{digest(content)[:12]}.json"
