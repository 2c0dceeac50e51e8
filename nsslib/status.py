"""What of a sweep is done, by looking at its directory; nothing is computed or opened for writing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from nsslib.config import Config
from nsslib.configfile import parse
from nsslib.errors import UserError
from nsslib.grid import shards


@dataclass
class Progress:
    """Shards of one (block, gamma, N)."""

    place: str
    done: int = 0
    started: int = 0
    missing: int = 0


def config_of(results: Path) -> Config:
    """Config that the results were made with.

    Raises
    ------
    UserError
        If there is none, or it is damaged.
    """
    path = results / "config.json"
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")), str(path))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: not there; give the directory of a sweep, as results/NAME") from None
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: damaged: {error}") from None


def progress(results: Path) -> list[Progress]:
    """Count finished, started and missing shards."""
    rows: dict[str, Progress] = {}
    for shard in shards(config_of(results)):
        row = rows.setdefault(shard.place, Progress(shard.place))
        if (results / shard.path / "zarr.json").exists():
            row.done += 1
        elif (results / "checkpoints" / shard.path.replace(".zarr", ".npz")).exists():
            row.started += 1
        else:
            row.missing += 1
    return list(rows.values())
