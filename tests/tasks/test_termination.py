"""SIGTERM is a reason to stop that no nested context loses."""

import os
import signal
import threading

import pytest

from nsslib.errors import Terminated
from nsslib.tasks.termination import termination


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(autouse=True)
def caught():
    """Signals that reach the handler from before the contexts."""
    signals = []
    before = signal.signal(signal.SIGTERM, lambda number, _: signals.append(number))
    yield signals
    signal.signal(signal.SIGTERM, before)


def stop(should_stop):
    if reason := should_stop():
        raise Terminated(reason)


def test_sigterm_is_a_reason_to_stop(caught):
    with pytest.raises(Terminated, match="SIGTERM"), termination() as should_stop:
        assert should_stop() is None
        terminate()
        stop(should_stop)
    assert not caught


def test_a_signal_inside_the_inner_context_is_seen_by_the_outer_one(caught):
    with pytest.raises(Terminated, match="SIGTERM"), termination() as outer:
        with termination(outer):
            terminate()
        stop(outer)
    assert not caught


def test_a_signal_that_nothing_acted_on_reaches_the_handler_from_before(caught):
    with termination(), termination():
        terminate()
        assert not caught
    assert caught == [signal.SIGTERM]


def test_work_that_was_not_asked_to_end_leaves_the_handler_as_it_was(caught):
    before = signal.getsignal(signal.SIGTERM)
    with termination():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
    assert not caught


def test_the_reasons_of_the_caller_count_as_well():
    reasons = [None, "cancelled"]
    with termination(lambda: reasons.pop(0)) as should_stop:
        assert [should_stop(), should_stop()] == [None, "cancelled"]


def test_a_thread_that_cannot_listen_has_the_reasons_of_its_caller():
    reasons = []

    def work():
        with termination(lambda: "cancelled") as should_stop:
            reasons.append(should_stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert reasons == ["cancelled"]
