"""Files that appear whole or not at all: written aside, synced, then renamed; what dead processes left is cleared.

What is written aside carries the names of its host and process, so that jobs on many nodes may write to
one directory, or even the same file, at once.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from nsslib.errors import UserError

ABANDONED_SECONDS = 7 * 86400.0
"""Age at which what another host wrote aside counts as left behind: its processes cannot be seen from here."""

SYNCS_AT_ONCE = 8
"""A store is hundreds of files and directories; one after another they would wait a quarter of the time of writing."""

_HOST = re.sub(r"[^A-Za-z0-9-]", "-", platform.node()) or "host"
_ASIDE = re.compile(r".+\.(?P<host>[A-Za-z0-9-]+)\.(?P<pid>\d+)\.(partial|old)")


def aside(path: Path, suffix: str = "partial") -> Path:
    """Name beside `path` that only this process writes to."""
    return path.with_name(f"{path.name}.{_HOST}.{os.getpid()}.{suffix}")


def sync(*paths: Path) -> None:
    """Wait until files are safe on the disk, and what directories hold as far as their file system can do that."""
    with ThreadPoolExecutor(SYNCS_AT_ONCE) as pool:
        list(pool.map(_fsync, paths))


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)


@contextmanager
def replacing(path: Path, durable: bool = True) -> Iterator[Path]:
    """Give the name of a file to write; it becomes `path` at the end, unless writing fails.

    Parameters
    ----------
    path : Path
    durable : bool
        Whether a loss of power after the end must not lose the file.

    Raises
    ------
    UserError
        If the file cannot be written, as on a full disk; `path` is then what it was.
    """
    partial = aside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        if durable:
            sync(partial)
        partial.replace(path)
        if durable:
            sync(path.parent)
    except OSError as error:
        raise UserError(cannot_write(path, error)) from error
    finally:
        remove(partial)


def cannot_write(path: Path, error: OSError) -> str:
    """Say that `path` could not be written, and why."""
    return f"{path}: cannot be written: {error.strerror or error}; what was there before is kept"


def write_text(path: Path, text: str, durable: bool = True) -> None:
    """Write a text file whole; see `replacing`."""
    with replacing(path, durable) as partial:
        partial.write_text(text, encoding="utf-8")


def remove(path: Path) -> None:
    """Remove a file or directory, if it is there and can be removed."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def now(directory: Path) -> float:
    """Time by the clock that stamps the files of a directory; of this machine where nothing can be written."""
    probe = aside(directory / "clock")
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        remove(probe)


def clear(directory: Path) -> None:
    """Remove what processes that are gone had written aside in a directory."""
    if not directory.is_dir():
        return
    for entry in os.scandir(directory):
        match = _ASIDE.fullmatch(entry.name)
        if not match:
            continue
        try:
            gone = (
                not _alive(int(match["pid"]))
                if match["host"] == _HOST
                else now(directory) - entry.stat().st_mtime > ABANDONED_SECONDS
            )
        except FileNotFoundError:
            continue  # its process is just done with it
        if gone:
            remove(Path(entry.path))


def _alive(pid: int) -> bool:
    """Whether a process of this host runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
