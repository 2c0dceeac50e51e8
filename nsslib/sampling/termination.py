"""An orderly end at SIGTERM."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from nsslib.errors import UserError


class Terminated(UserError):
    """The process was asked to end; the state is saved and another try goes on from it."""


@contextmanager
def termination() -> Iterator[threading.Event]:
    """An event that SIGTERM sets, where this thread may listen to signals (SLURM's warning, kill)."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    previous = signal.signal(signal.SIGTERM, lambda *_: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGTERM, previous)
