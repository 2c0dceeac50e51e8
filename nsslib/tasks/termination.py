"""SIGTERM as a reason to stop, beside those of the caller."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from nsslib.grid.sitting import ShouldStop


class _Sigterm:
    """Handler of SIGTERM that remembers whether the signal came."""

    received = False

    def __call__(self, *_: object) -> None:
        self.received = True


@contextmanager
def termination(should_stop: ShouldStop = lambda: None) -> Iterator[ShouldStop]:
    """Make SIGTERM (kill, the end of a SLURM job) a reason to stop, beside those of the caller.

    Nested contexts share one handler: a signal that arrives in the inner one is a reason for the outer one too. If the
    work ends before anything has acted on the signal, it is raised again for the handler of before. Only the main
    thread can install a handler; elsewhere the reasons are those of the caller and of contexts of the main thread.
    """
    previous = signal.getsignal(signal.SIGTERM)
    sigterm = previous if isinstance(previous, _Sigterm) else _Sigterm()
    installs = sigterm is not previous and threading.current_thread() is threading.main_thread()
    if installs:
        signal.signal(signal.SIGTERM, sigterm)
    try:
        yield lambda: "SIGTERM" if sigterm.received else should_stop()
    finally:
        if installs:
            signal.signal(signal.SIGTERM, previous)
    if installs and sigterm.received:
        signal.raise_signal(signal.SIGTERM)
