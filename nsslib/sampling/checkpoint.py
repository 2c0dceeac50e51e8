"""Checkpoints: the state of an unfinished shard, written aside, synced, renamed.

Plain numpy archives without pickled objects; the zip container's CRC finds damage.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nsslib.grid import Shard

State = dict[str, NDArray]


def save(path: Path, shard: Shard, state: State) -> None:
    """Write a checkpoint atomically: the old one stays until the next is safe on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as stream:
        np.savez(stream, allow_pickle=False, identity=_identity(shard), **state)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def _identity(shard: Shard) -> NDArray:
    return np.array(shard.fingerprint)


def load(path: Path, shard: Shard) -> tuple[State | None, str]:
    """Read a checkpoint of exactly this shard.

    Returns
    -------
    state : dict of arrays, or None
        None where there is nothing usable.
    reason : str
        Why not, as a sentence for the log; empty where there is no checkpoint.
    """
    if not path.exists():
        return None, ""
    try:
        with np.load(path, allow_pickle=False) as archive:
            state = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        return None, f"{path}: damaged checkpoint ignored ({type(error).__name__})"
    if state.pop("identity", None) != _identity(shard):
        return None, f"{path}: checkpoint of other settings or another kernel version ignored"
    return state, ""
