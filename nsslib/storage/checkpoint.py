"""Checkpoints: the state of an unfinished shard, written aside, synced, renamed; one older is kept.

A file is a plain numpy archive without pickled objects, followed by its sha256.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nsslib.storage import atomic

State = dict[str, NDArray]

_DIGEST_BYTES = hashlib.sha256().digest_size


def older(path: Path) -> Path:
    """Where the checkpoint before the last one is kept."""
    return path.with_name(f"{path.name}.older")


def save(path: Path, settings: Mapping[str, Any], state: State) -> None:
    """Write a checkpoint atomically: the last one stays until this is safe on disk, then becomes the older."""
    archive = io.BytesIO()
    np.savez(archive, allow_pickle=False, settings=np.array(json.dumps(settings)), **state)
    content = archive.getvalue()
    with atomic.replacing(path) as partial:
        with partial.open("wb") as stream:
            stream.write(content)
            stream.write(hashlib.sha256(content).digest())
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileNotFoundError):
            path.replace(older(path))


def remove(path: Path) -> None:
    """Remove both checkpoints of a shard that is done."""
    path.unlink(missing_ok=True)
    older(path).unlink(missing_ok=True)


def load(path: Path | None, settings: Mapping[str, Any]) -> tuple[State | None, list[str]]:
    """Read the last sound checkpoint of a shard with exactly these settings.

    Returns
    -------
    state : dict of arrays, or None
        None where there is nothing usable.
    remarks : list of str
        What was found wrong, as sentences for the log.
    """
    remarks = []
    for place in (path, older(path)) if path else ():
        try:
            data = place.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            remarks.append(f"{place}: unreadable checkpoint ignored ({error})")
            continue
        content, seal = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != seal:
            remarks.append(f"{place}: damaged checkpoint ignored")
            continue
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                state = {name: archive[name] for name in archive.files}
        except (ValueError, OSError) as error:
            remarks.append(f"{place}: damaged checkpoint ignored ({error})")
            continue
        difference = differences(json.loads(str(state.pop("settings"))), settings)
        if not difference:
            return state, remarks
        remarks.append(f"{place}: checkpoint refused, it was made with other settings: {', '.join(difference)}")
    return None, remarks


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Settings that differ, each as 'key: found, wanted now'."""

    def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
        for key, value in settings.items():
            if isinstance(value, Mapping):
                yield from flat(value, f"{prefix}{key}.")
            else:
                yield f"{prefix}{key}", value

    a, b = dict(flat(found)), dict(flat(wanted))
    keys = [key for key in sorted(a | b) if a.get(key) != b.get(key)]
    return [f"{key} {json.dumps(a.get(key))}, now {json.dumps(b.get(key))}" for key in keys]
