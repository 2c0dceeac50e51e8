"""Progress with ETA: a bar in a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nsslib.errors import UserError

if TYPE_CHECKING:
    from nsslib.grid.sitting import OnStep

SECONDS_BETWEEN_LINES = 10.0


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


class Pace:
    """Speed of one try of a shard, and when to report it.

    Parameters
    ----------
    seconds : float
        Time between two reports; the first one is due as long after the begin.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = self._reported = time.monotonic()
        self._first: int | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the begin."""
        return time.monotonic() - self._began

    def rate(self, done: int) -> float:
        """Steps a second of this try; it has to be called after its first step."""
        if self._first is None:  # a resumed shard does not begin at 0
            self._first = done - 1
        return (done - self._first) / max(self.elapsed, 1e-9)

    def due(self) -> bool:
        """Whether it is time for a report, which is then taken as given."""
        now = time.monotonic()
        if now - self._reported <= self._seconds:
            return False
        self._reported = now
        return True


class Reporter:
    """Reports on shards to some streams: a bar where one is a terminal, lines elsewhere.

    Parameters
    ----------
    streams : TextIO
        Where to report, standard error if none is given. Use as a context manager.
    quiet : bool
        Report nothing.
    seconds : float
        Time between two lines on one shard.
    """

    def __init__(self, *streams: TextIO, quiet: bool = False, seconds: float = SECONDS_BETWEEN_LINES) -> None:
        self._seconds = seconds
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
        """Print one line on every stream."""
        for bar in self._bars:
            bar.console.print(line, highlight=False, markup=False)
        self._print(line)

    def on_step(self, label: str) -> OnStep:
        """Report on one shard: the function that is to be called after every step."""
        tasks = [(bar, bar.add_task(label, total=None, detail="")) for bar in self._bars]
        pace = Pace(self._seconds)

        def on_step(done: int, total: int, acceptance: float, remark: str = "") -> None:
            rate = pace.rate(done)
            detail = f"{rate:.0f} steps/s, acceptance {acceptance:.2f}" + (f", {remark}" if remark else "")
            for bar, task in tasks:
                bar.update(task, completed=done, total=total, detail=detail)
                if done == total:
                    bar.remove_task(task)
            if self._lines and (pace.due() or done == total):
                eta = f"took {clock(pace.elapsed)}" if done == total else f"ETA {clock((total - done) / rate)}"
                self._print(f"{label}: step {done} of {total}, {eta}, {detail}")

        return on_step

    def count(self, label: str, total: int) -> Callable[[int], None]:
        """Report on the shards of a sweep: the function that is to be called with how many more are done."""
        tasks = [(bar, bar.add_task(label, total=total, detail="")) for bar in self._bars]
        pace, done = Pace(self._seconds), 0

        def add(more: int) -> None:
            nonlocal done
            done += more
            detail = f"{done} of {total} shards"
            for bar, task in tasks:
                bar.update(task, completed=done, detail=detail)
            self._print(f"{label}: {detail}, ETA {clock(pace.elapsed * (total - done) / done)}")

        return add

    def _print(self, line: str) -> None:
        for stream in self._lines:
            print(line, file=stream, flush=True)
