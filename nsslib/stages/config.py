"""Stage config: the config beside the results."""

from __future__ import annotations

import json
from pathlib import Path

from nsslib.config.files import dump
from nsslib.config.schema import Config
from nsslib.grid.results import config_record
from nsslib.storage import atomic, records


def record_config(config: Config, results: Path) -> Path:
    """Write the config beside the results, for whoever opens them later, and a record of it."""
    path, text = results / "config.json", json.dumps(dump(config), indent=1) + "\n"
    records.remove(results, "", ("config",))
    for file in (path, results / config_record(config)):
        atomic.write_text(file, text)
    return path
