"""Zarr stores: written aside, sealed with a digest, synced, renamed into place; checked before they are read.

A sealed store opens with plain ``xarray.open_datatree(path, engine="zarr")``. Its root attributes
hold the digest of everything else in it, so that a store which is truncated, foreign or half
written is recognised and named.
"""

from __future__ import annotations

import errno
import hashlib
import json
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import xarray as xr
from zarr.codecs import BloscCodec
from zarr.storage import LocalStore

from nsslib.config.files import dump
from nsslib.config.schema import Config
from nsslib.errors import UserError
from nsslib.storage import atomic
from nsslib.storage.provenance import provenance
from nsslib.version import STORE_VERSION

KINDS = {"order_parameters.zarr": "order_parameters", "theory.zarr": "theory", "fits.zarr": "fits"}
"""What the named stores of a sweep hold; every other store is a shard."""

CHUNK_BYTES = 2**20
SHARD_BYTES = 2**27
_COMPRESSOR = BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")


class StoreError(UserError):
    """A store that must not be read as data, or could not be written."""


SEAL = ("content_files", "content_bytes", "content_sha256", "attributes_sha256")


def digest(path: Path) -> dict[str, str | int]:
    """Number, bytes and sha256 of the files of a store, and sha256 of its root attributes.

    Attributes tell when and where a store was made: two stores with the same content differ in them.
    """
    root = path / "zarr.json"
    metadata = json.loads(root.read_text(encoding="utf-8"))
    attributes = {k: v for k, v in metadata.pop("attributes", {}).items() if k not in SEAL}
    total, count = 0, 0
    sha = hashlib.sha256(_text(metadata))
    # Hidden files are not part of the data: Snakemake leaves a time stamp in directories it tracks.
    for file in sorted(p for p in path.rglob("[!.]*") if p.is_file() and p != root):
        content = file.read_bytes()
        total, count = total + len(content), count + 1
        sha.update(file.relative_to(path).as_posix().encode() + b"\0" + hashlib.sha256(content).digest())
    return dict(zip(SEAL, (count, total, sha.hexdigest(), hashlib.sha256(_text(attributes)).hexdigest()), strict=True))


def _text(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def publish(tree: xr.DataTree, path: Path, kind: str) -> dict[str, Any]:
    """Write a tree atomically; what was at `path` is replaced only by a complete store.

    Parameters
    ----------
    tree : DataTree
    path : Path
        Where it will be, ending in ``.zarr``.
    kind : str
        What the store holds: "shard", "order_parameters", "theory" or "fits".

    Returns
    -------
    dict
        Root attributes of the sealed store.

    Raises
    ------
    StoreError
        If it cannot be written, as on a full disk.
    """
    partial = atomic.aside(path)
    encoding = {}
    for node in tree.subtree:
        own = node.to_dataset(inherit=False).variables
        encoding[node.path] = {str(name): _encoding(variable) for name, variable in own.items() if variable.ndim}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            # Consolidated metadata is not in the Zarr 3 standard yet. A store is sealed once and never
            # extended, so it cannot go stale, and without it every reader is warned and slowed down.
            warnings.filterwarnings("ignore", "Consolidated metadata is currently not part")
            tree.to_zarr(LocalStore(partial), mode="w", consolidated=True, encoding=encoding)
        _add_attributes(partial, {"kind": f"nsslib {kind}"} | provenance())
        attrs = _add_attributes(partial, digest(partial))
        atomic.sync(partial, *partial.rglob("*"))
        _replace(partial, path)
    except OSError as error:
        raise StoreError(atomic.cannot_write(path, error)) from error
    finally:
        atomic.remove(partial)
    return attrs


def _add_attributes(path: Path, attrs: Mapping[str, str | int]) -> dict[str, Any]:
    root = path / "zarr.json"
    content = json.loads(root.read_text(encoding="utf-8"))
    content["attributes"] |= attrs
    root.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return dict(content["attributes"])


def _replace(partial: Path, path: Path) -> None:
    """Move a finished store into place; a directory cannot be renamed over a full one."""
    old = atomic.aside(path, "old")
    while partial.exists():
        atomic.remove(old)
        with suppress(FileNotFoundError):
            path.rename(old)
        try:
            partial.rename(path)
        except OSError as error:
            # Another process may have published the same store in between: it gives way as well.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                if old.exists():
                    old.rename(path)
                raise
    atomic.sync(path.parent)
    atomic.remove(old)


def _encoding(variable: xr.Variable) -> dict[str, Any]:
    """Chunks of about 1 MiB, cut along the first axes, inside few large files."""
    if variable.dtype.kind not in "fi" or variable.nbytes <= CHUNK_BYTES:
        chunks = tuple(max(1, n) for n in variable.shape)
    else:
        sizes, budget = [], CHUNK_BYTES // variable.dtype.itemsize
        for size in reversed(variable.shape):
            sizes.append(max(1, min(size, budget)))
            budget //= sizes[-1]
        chunks = tuple(reversed(sizes))
    encoding: dict[str, Any] = {"chunks": chunks}
    if variable.dtype.kind in "fi":
        encoding["compressors"] = (_COMPRESSOR,)
    if variable.nbytes > CHUNK_BYTES and chunks != variable.shape:
        per_draw = max(1, variable.nbytes // variable.shape[0])
        rows = max(1, min(SHARD_BYTES // per_draw, variable.shape[0]) // chunks[0]) * chunks[0]
        rest = tuple(-(-n // c) * c for n, c in zip(variable.shape[1:], chunks[1:], strict=True))
        encoding["shards"] = (rows, *rest)
    return encoding


def check(path: Path, kind: str, fingerprint: str | None = None) -> dict[str, Any]:
    """Root attributes of a sound store.

    Parameters
    ----------
    path : Path
    kind : str
        What the store should hold.
    fingerprint : str, optional
        Settings it should have been made with.

    Raises
    ------
    StoreError
        Naming the store and what is wrong with it: missing, foreign, incomplete, damaged, or
        made with other settings.
    """
    root = path / "zarr.json"
    if not path.exists():
        raise StoreError(f"{path}: no such store")
    try:
        attrs = json.loads(root.read_text(encoding="utf-8"))["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        raise StoreError(f"{path}: not a Zarr group, or its zarr.json is damaged") from None
    if not isinstance(attrs, Mapping) or attrs.get("kind") != f"nsslib {kind}":
        raise StoreError(f"{path}: not a sealed nsslib {kind} store")
    if attrs.get("store_version") != STORE_VERSION:
        raise StoreError(f"{path}: store version {attrs.get('store_version')}, this nsslib reads {STORE_VERSION}")
    seal = digest(path)
    if any(attrs.get(key) != value for key, value in seal.items()):
        content, sealed = (f"{x.get('content_files')} files, {x.get('content_bytes')} bytes" for x in (seal, attrs))
        fault = f"{content}, sealed with {sealed}" if content != sealed else f"{content} as sealed, but changed"
        raise StoreError(f"{path}: damaged: {fault}")
    if fingerprint is not None and attrs.get("fingerprint") != fingerprint:
        raise StoreError(f"{path}: made with other settings or another kernel version")
    return dict(attrs)


def read(path: Path, kind: str, fingerprint: str | None = None) -> xr.DataTree:
    """Open a sound store lazily; `check` lists what is refused."""
    check(path, kind, fingerprint)
    return xr.open_datatree(_literal(path), engine="zarr")


def _literal(path: Path) -> Any:
    """A path as xarray takes it literally; as a text it would be read as a URL, with ; ? and #."""
    return LocalStore(path, read_only=True)


def read_groups(path: Path, kind: str, *groups: str, fingerprint: str | None = None) -> list[xr.Dataset]:
    """Load some groups of a sound store into memory, without opening the others."""
    check(path, kind, fingerprint)
    datasets = []
    for group in groups:
        with xr.open_dataset(_literal(path), engine="zarr", group=group) as dataset:
            datasets.append(dataset.load())
    return datasets


def read_table(results: Path, kind: str, group: str = "/") -> xr.Dataset:
    """Load one of the tables of a sweep, or a group of it, into memory."""
    with read(results / f"{kind}.zarr", kind) as tree:
        return xr.DataTree.to_dataset(tree[group]).load()  # type: ignore[arg-type]


def publish_table(nodes: dict[str, xr.Dataset], config: Config, results: Path, kind: str) -> Path:
    """Write a table of a sweep with the config that it was made with; returns its path."""
    tree = xr.DataTree.from_dict(nodes)
    tree.attrs = {
        "title": f"nsslib {kind.replace('_', ' ')}: {config.name}",
        "config": json.dumps(dump(config)),
    } | tree.attrs
    path = results / f"{kind}.zarr"
    atomic.clear(results)
    publish(tree, path, kind)
    return path
