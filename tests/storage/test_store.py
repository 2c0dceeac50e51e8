"""A store is whole or it is refused with its path and what is wrong; the old one outlives a failure."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from nsslib.grid.sitting import Sitting
from nsslib.stages.compute import computed
from nsslib.storage import atomic, store
from nsslib.storage.store import StoreError, check, publish, read, read_table


def small_tree(value=1.0, fingerprint="abc"):
    """Two groups; the series has several chunks."""
    series = xr.Dataset({"q": (("draw", "g"), np.full((400, 1000), value))}, {"draw": np.arange(400)})
    tree = xr.DataTree.from_dict({"/": xr.Dataset({"one": ((), value)}), "/observables": series})
    tree.attrs = {"fingerprint": fingerprint, "title": "test"}
    return tree


@pytest.fixture
def path(tmp_path):
    """A sound store."""
    store_path = tmp_path / "deep" / "seed=0.zarr"
    publish(small_tree(), store_path, "shard")
    return store_path


def chunks(path):
    """Files that hold numbers, the largest first."""
    return sorted((p for p in path.rglob("c/**/*") if p.is_file()), key=lambda p: -p.stat().st_size)


def test_what_is_published_is_read_back(path):
    with read(path, "shard", "abc") as tree:
        xr.testing.assert_identical(tree["observables"].to_dataset().load(), small_tree()["observables"].to_dataset())
        assert tree.attrs["title"] == "test"


def test_a_store_opens_with_plain_xarray(path):
    with xr.open_datatree(path, engine="zarr") as tree:
        assert float(tree["observables/q"].mean()) == 1.0
    with xr.open_zarr(path, group="observables") as group:
        assert group["q"].shape == (400, 1000)


def test_a_sealed_store_says_where_it_comes_from(path):
    attrs = check(path, "shard", "abc")
    assert attrs["kind"] == "nsslib shard"
    assert {"nsslib", "kernel_version", "store_version", "commit", "packages", "host_kind", "created"} <= attrs.keys()
    assert {"content_files", "content_bytes", "content_sha256"} <= attrs.keys()


def test_publishing_returns_the_attributes_that_are_read(tmp_path):
    path = tmp_path / "a.zarr"
    assert publish(small_tree(), path, "shard") == check(path, "shard")


def test_the_digest_depends_on_the_numbers_alone(tmp_path):
    digests = [
        publish(small_tree(value), tmp_path / f"{i}.zarr", "shard")["content_sha256"]
        for i, value in enumerate([1.0, 1.0, 2.0])
    ]
    assert digests[0] == digests[1] != digests[2]


def truncate(path):
    file = chunks(path)[0]
    file.write_bytes(file.read_bytes()[:-1])


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def rewrite(path, change):
    """Change the root metadata of a store."""
    root = path / "zarr.json"
    content = json.loads(root.read_text(encoding="utf-8"))
    change(content)
    root.write_text(json.dumps(content), encoding="utf-8")


def make_foreign(path):
    shutil.rmtree(path)
    path.mkdir()
    (path / "notes.txt").write_text("mine", encoding="utf-8")


def replace_by_unsealed(path):
    shutil.rmtree(path)
    small_tree().to_zarr(path, consolidated=False)


FAULTS = {
    "truncated chunk": (truncate, "damaged: .* sealed with"),
    "missing chunk": (lambda p: chunks(p)[0].unlink(), "damaged: .* sealed with"),
    "flipped byte": (lambda p: flip(chunks(p)[0]), "damaged"),
    "flipped byte in the metadata of an array": (lambda p: flip(p / "observables" / "q" / "zarr.json"), "damaged"),
    "additional file": (lambda p: (p / "observables" / "extra").write_bytes(b"1"), "damaged"),
    "foreign directory": (make_foreign, "not a Zarr group"),
    "file in its place": (lambda p: (shutil.rmtree(p), p.write_text("x")), "not a Zarr group"),
    "half written, without attributes": (replace_by_unsealed, "not a sealed nsslib shard store"),
    "root that is no JSON": (lambda p: (p / "zarr.json").write_text("{", encoding="utf-8"), "zarr.json is damaged"),
    "root that is no mapping": (lambda p: (p / "zarr.json").write_text("[]", encoding="utf-8"), "zarr.json is damaged"),
    "root that is no text": (lambda p: (p / "zarr.json").write_bytes(b"\xff"), "zarr.json is damaged"),
    "attribute changed": (lambda p: rewrite(p, lambda c: c["attributes"].update(title="other")), "damaged"),
    "root that is no group": (lambda p: rewrite(p, lambda c: c.update(node_type="array")), "damaged"),
    "layout of another version": (
        lambda p: rewrite(p, lambda c: c["attributes"].update(store_version="0")),
        "store version 0",
    ),
    "other settings": (
        lambda p: publish(small_tree(fingerprint="def"), p, "shard"),
        "other settings",
    ),
    "another kind": (lambda p: publish(small_tree(), p, "theory"), "not a sealed nsslib shard"),
    "missing": (shutil.rmtree, "no such store"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_that_must_not_be_read_is_named_with_its_fault(path, fault):
    spoil, words = FAULTS[fault]
    spoil(path)
    for function in (check, read):
        with pytest.raises(StoreError, match=words) as error:
            function(path, "shard", "abc")
        assert str(error.value).startswith(f"{path}: ")
        assert "\n" not in str(error.value)


def test_hidden_files_do_not_matter(path):
    (path / ".snakemake_timestamp").write_text("now", encoding="utf-8")
    (path / "observables" / ".DS_Store").write_bytes(b"x")
    check(path, "shard", "abc")


def test_publishing_over_an_old_store_replaces_it_and_leaves_nothing_beside_it(path):
    publish(small_tree(2.0), path, "shard")
    with read(path, "shard") as tree:
        assert float(tree["one"]) == 2.0
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_store_is_on_the_disk_before_it_has_its_name_and_the_old_one_goes_last(path, disk, monkeypatch):
    remove = atomic.remove
    monkeypatch.setattr(atomic, "remove", lambda old: (old.exists() and disk.append(("remove", old.name)), remove(old)))
    publish(small_tree(2.0), path, "shard")
    inodes = {p.stat().st_ino for p in (path, *path.rglob("*"))}
    old = atomic.aside(path, "old").name
    # Before the first sync come the renames of zarr, which writes every file aside.
    *syncs, aside, renamed, parent, removed = disk[[kind for kind, _ in disk].index("sync") :]
    assert {kind for kind, _ in syncs} == {"sync"} and {inode for _, inode in syncs} == inodes
    assert [aside, renamed] == [("rename", old), ("rename", path.name)]
    assert [parent, removed] == [("sync", path.parent.stat().st_ino), ("remove", old)]


def test_publishing_over_wreckage_replaces_it(path):
    make_foreign(path)
    publish(small_tree(), path, "shard")
    check(path, "shard", "abc")


def fail(*_, **__):
    raise OSError("no space left")


@pytest.mark.parametrize("module, function", [(store, "_replace"), (store, "digest"), (os, "fsync")])
def test_an_interrupted_publish_leaves_the_old_store_sound(path, monkeypatch, module, function):
    with monkeypatch.context() as patch:
        patch.setattr(module, function, fail)
        with pytest.raises(StoreError, match=f"^{path}: cannot be written: no space"):
            publish(small_tree(2.0), path, "shard")
    with read(path, "shard", "abc") as tree:
        assert float(tree["one"]) == 1.0
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_failed_rename_brings_the_old_store_back(path, monkeypatch):
    rename = Path.rename
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda self, to: fail() if ".partial" in self.name else rename(self, to))
        with pytest.raises(StoreError, match="no space"):
            publish(small_tree(2.0), path, "shard")
    check(path, "shard", "abc")


def test_a_store_that_another_process_publishes_in_between_gives_way(path, monkeypatch):
    rename, raced = Path.rename, []

    def race(self, to):
        if ".partial" in self.name and not raced:
            raced.append(shutil.copytree(self, to))
        return rename(self, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", race)
        publish(small_tree(2.0), path, "shard")
    assert raced
    check(path, "shard", "abc")
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("shape", [(0,), (3, 0), (1,)], ids=str)
def test_a_variable_of_any_size_can_be_stored(tmp_path, shape):
    dims = ("a", "b")[: len(shape)]
    tree = xr.DataTree(xr.Dataset({"x": (dims, np.zeros(shape))}))
    publish(tree, tmp_path / "theory.zarr", "theory")
    assert read_table(tmp_path, "theory")["x"].shape == shape


def test_a_table_is_loaded_into_memory(tmp_path):
    publish(small_tree(), tmp_path / "theory.zarr", "theory")
    table = read_table(tmp_path, "theory")
    shutil.rmtree(tmp_path / "theory.zarr")
    assert float(table["one"]) == 1.0


@pytest.mark.parametrize("grid", [{}, {"g": [1.0]}, {"beta": [2.0]}], ids=["grid", "one g", "one beta"])
def test_a_shard_is_stored_in_few_files(make_shard, tmp_path, grid):
    shard = make_shard(**grid, sampler={"save": {"trajectories": 10}})
    publish(computed(shard, Sitting()), tmp_path / "shard.zarr", "shard")
    with read(tmp_path / "shard.zarr", "shard", shard.fingerprint) as tree:
        assert set(tree.children) == {"observables", "diagnostics", "state", "trajectories"}
        groups = list(tree.subtree)
        variables = sum(len(group.to_dataset(inherit=False).variables) for group in groups)
    # A file of metadata for each group; for each variable one more, and at most one of numbers.
    assert sum(p.is_file() for p in (tmp_path / "shard.zarr").rglob("*")) <= len(groups) + 2 * variables


def test_a_group_is_loaded_without_the_others(path):
    (group,) = store.read_groups(path, "shard", "observables", fingerprint="abc")
    shutil.rmtree(path)
    assert group["q"].shape == (400, 1000) and "one" not in group


def test_large_variables_are_cut_into_chunks_inside_few_files(tmp_path):
    draws, cells = 3000, 400
    values = np.random.default_rng(0).normal(size=(draws, cells)).astype(np.float32)
    tree = xr.DataTree(xr.Dataset({"x": (("draw", "cell"), values)}))
    publish(tree, tmp_path / "theory.zarr", "theory")
    assert len(chunks(tmp_path / "theory.zarr")) <= 2
    with xr.open_zarr(tmp_path / "theory.zarr", consolidated=False) as stored:
        assert np.prod(stored["x"].encoding["chunks"]) * 4 <= store.CHUNK_BYTES
        np.testing.assert_array_equal(stored["x"].values, values)
