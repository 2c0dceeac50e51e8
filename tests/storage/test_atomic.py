"""A file appears whole or not at all, and what dead processes wrote aside is cleared."""

import os
import stat
import subprocess
import sys

import pytest

from nsslib.errors import UserError
from nsslib.storage import atomic


@pytest.fixture
def dead():
    """Number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left_behind(path, host, pid, suffix="partial"):
    partial = path.with_name(f"{path.name}.{host}.{pid}.{suffix}")
    partial.mkdir()
    (partial / "chunk").touch()
    return partial


def test_a_file_is_replaced_by_a_whole_one(tmp_path):
    path = tmp_path / "deep" / "file"
    for text in ("first", "second"):
        atomic.write_text(path, text)
        assert path.read_text() == text
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_a_file_that_cannot_be_written_is_named_and_what_was_there_stays(tmp_path):
    path = tmp_path / "file"
    atomic.write_text(path, "first")

    def write():
        with atomic.replacing(path) as partial:
            partial.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match=f"^{path}: cannot be written: No space left on device; what was"):
        write()
    assert path.read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_anything_follows(tmp_path, disk):
    path = tmp_path / "file"
    atomic.write_text(path, "text")
    assert disk == [("sync", path.stat().st_ino), ("rename", "file"), ("sync", tmp_path.stat().st_ino)]


def test_a_file_that_may_be_lost_waits_for_no_disk(tmp_path, disk):
    atomic.write_text(tmp_path / "file", "text", durable=False)
    assert disk == [("rename", "file")]


def test_a_disk_that_cannot_hold_a_file_is_named_and_what_was_there_stays(tmp_path, monkeypatch):
    path = tmp_path / "file"
    atomic.write_text(path, "first")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        atomic.write_text(path, "second")
    assert path.read_text() == "first"


def test_a_file_system_that_cannot_sync_directories_is_good_enough(tmp_path, monkeypatch):
    fsync = os.fsync

    def files_only(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    atomic.write_text(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"


def test_two_processes_write_aside_in_different_places(tmp_path):
    path = str(tmp_path / "a")
    code = f"from pathlib import Path; from nsslib.storage.atomic import aside; print(aside(Path({path!r})))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other != str(atomic.aside(tmp_path / "a"))


@pytest.mark.parametrize("suffix", ["partial", "old"])
def test_what_a_dead_process_of_this_host_wrote_aside_is_cleared(tmp_path, dead, suffix):
    left_behind(tmp_path / "seed=0.zarr", atomic._HOST, dead, suffix)
    atomic.clear(tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_may_still_be_written_is_left_alone(tmp_path, dead):
    kept = {
        left_behind(tmp_path / "seed=0.zarr", atomic._HOST, os.getppid()),
        left_behind(tmp_path / "seed=0.zarr", "other-node", dead),
        left_behind(tmp_path / "notes", "zip", "partial"),
    }
    atomic.clear(tmp_path)
    assert set(tmp_path.iterdir()) == kept


def test_what_another_host_wrote_aside_long_ago_is_cleared(tmp_path, dead):
    partial = left_behind(tmp_path / "seed=0.zarr", "other-node", dead)
    os.utime(partial, (0, 0))
    atomic.clear(tmp_path)
    assert not list(tmp_path.iterdir())


def test_there_may_be_nothing_to_clear(tmp_path):
    atomic.clear(tmp_path / "missing")
