"""Progress with ETA: a bar in a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nsslib.errors import UserError

SECONDS_BETWEEN_LINES = 10.0

Watch = Callable[[int, int, float, str], None]


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    minutes, s = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{s:02d}"


@contextmanager
def logged(path: str) -> Iterator[TextIO]:
    """Log file of a job: what fails is in it, and a user's mistake is one line, not a traceback."""
    with open(path, "w", encoding="utf-8") as log:
        try:
            yield log
        except UserError as error:
            print(error, file=log)
            sys.exit(2)
        except Exception:
            traceback.print_exc(file=log)
            raise
        print("done", file=log)


class Reporter:
    """Reports on shards to some streams: a bar where one is a terminal, lines elsewhere.

    Parameters
    ----------
    streams : TextIO
        Where to report, standard error if none is given. Use as a context manager.
    quiet : bool
        Report nothing.
    """

    def __init__(self, *streams: TextIO, quiet: bool = False) -> None:
        self._streams = [] if quiet else list(streams or (sys.stderr,))
        self._bars = [
            Progress(
                TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
                TimeRemainingColumn(), TextColumn("{task.fields[detail]}"), console=Console(file=stream),
            )
            for stream in self._streams if stream.isatty()
        ]  # fmt: skip
        self._lines = [stream for stream in self._streams if not stream.isatty()]

    def __enter__(self) -> Reporter:
        for bar in self._bars:
            bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        for bar in self._bars:
            bar.stop()

    def say(self, line: str) -> None:
        """Print one line everywhere."""
        for bar in self._bars:
            bar.console.print(line, highlight=False, markup=False)
        for stream in self._lines:
            print(line, file=stream, flush=True)

    def watch(self, label: str) -> Watch:
        """Watcher of one shard, to be told of every step."""
        tasks = [(bar, bar.add_task(label, total=None, detail="")) for bar in self._bars]
        began = time.monotonic()
        spoken, first = began, None

        def told(done: int, total: int, acceptance: float, remark: str = "") -> None:
            nonlocal spoken, first
            now = time.monotonic()
            first = done - 1 if first is None else first
            rate = (done - first) / max(now - began, 1e-9)
            detail = f"{rate:.0f} steps/s, acceptance {acceptance:.2f}" + (f", {remark}" if remark else "")
            for bar, task in tasks:
                bar.update(task, completed=done, total=total, detail=detail)
                if done == total:
                    bar.remove_task(task)
            if self._lines and (done == total or now - spoken > SECONDS_BETWEEN_LINES):
                spoken = now
                eta = f"took {clock(now - began)}" if done == total else f"ETA {clock((total - done) / rate)}"
                for stream in self._lines:
                    print(f"{label}: step {done} of {total}, {eta}, {detail}", file=stream, flush=True)

        return told

    def count(self, label: str, total: int) -> Callable[[int], None]:
        """Counter of the shards of a sweep, to be told of every few that are done."""
        tasks = [(bar, bar.add_task(label, total=total, detail="")) for bar in self._bars]
        began, done = time.monotonic(), 0

        def told(more: int) -> None:
            nonlocal done
            done += more
            detail = f"{done} of {total} shards"
            for bar, task in tasks:
                bar.update(task, completed=done, detail=detail)
            eta = (time.monotonic() - began) * (total - done) / done
            for stream in self._lines:
                print(f"{label}: {detail}, ETA {clock(eta)}", file=stream, flush=True)

        return told
