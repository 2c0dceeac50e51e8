"""Stage theory: replica values on the grid of the sweep."""

from __future__ import annotations

import json
from pathlib import Path

from nsslib.config.schema import Config
from nsslib.grid.results import theory_record
from nsslib.grid.task import axes
from nsslib.storage import atomic, records, store
from nsslib.theory.replica import solve


def theory_sweep(config: Config, results: Path) -> Path:
    """Solve the replica equations on the grid of the config."""
    coords = axes(config)
    model = config.model
    table = solve(coords["g"], coords["beta"], coords["gamma"], eta=model.eta, phi=model.phi)
    records.remove(results, "", ("theory",))
    path = store.publish_table({"/": table}, config, results, "theory")
    atomic.write_text(results / theory_record(config), json.dumps(coords, indent=1) + "\n")
    return path
