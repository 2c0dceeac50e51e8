"""What names a thing: digests of settings, and the marker files that carry them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from nsslib.config.schema import Config
from nsslib.grid.axes import axes


def digest(content: Any) -> str:
    """sha256 of JSON-ready content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def named(label: str, content: Any) -> str:
    """Place of the record of some content, relative to the results."""
    return f"manifests/{label}.{digest(content)[:12]}.json"


def config_record(config: Config) -> str:
    """Record that the config beside the results is this one."""
    return named("config", config.model_dump(mode="json"))


def theory_record(config: Config) -> str:
    """Record that the theory table is that of this grid."""
    union = axes(config)
    return named("theory", [config.model.model_dump(mode="json"), *(union[axis] for axis in ("gamma", "g", "beta"))])
