"""Checkpoints: the state of an unfinished shard, written aside, synced, renamed.

A file is a plain numpy archive without pickled objects, followed by its sha256.
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nsslib.grid import Shard

State = dict[str, NDArray]

_DIGEST_BYTES = hashlib.sha256().digest_size


def save(path: Path, shard: Shard, state: State) -> None:
    """Write a checkpoint atomically: the old one stays until the next is safe on disk."""
    archive = io.BytesIO()
    np.savez(archive, allow_pickle=False, fingerprint=np.array(shard.fingerprint), **state)
    content = archive.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.write(hashlib.sha256(content).digest())
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def load(path: Path, shard: Shard) -> tuple[State | None, str]:
    """Read a checkpoint of exactly this shard.

    Returns
    -------
    state : dict of arrays, or None
        None where there is nothing usable.
    reason : str
        Why not, as a sentence for the log; empty where there is no checkpoint.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{path}: unreadable checkpoint ignored ({error})"
    content, seal = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != seal:
        return None, f"{path}: damaged checkpoint ignored"
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        state = {name: archive[name] for name in archive.files}
    if str(state.pop("fingerprint")) != shard.fingerprint:
        return None, f"{path}: checkpoint of other settings or another kernel version ignored"
    return state, ""
