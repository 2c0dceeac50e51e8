"""A SLURM job is warned before its time is over."""

import os
import threading

import pytest

from nsslib.executors import deadline
from nsslib.sampling.termination import termination


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:59\n", 59.0),
        ("12:05", 725.0),
        ("1:00:01", 3601.0),
        ("2-00:00:10", 172810.0),
        ("UNLIMITED", None),
        ("INVALID", None),
        ("", None),
    ],
)
def test_time_left_is_read_as_squeue_writes_it(text, seconds):
    assert deadline.parse_time_left(text) == seconds


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """``squeue(answer)``: this process seems to belong to job 7, about which squeue says `answer`."""

    def fake(answer):
        program = tmp_path / "squeue"
        program.write_text(f'#!/bin/sh\ntest "$*" = "--noheader --format=%L --jobs=7" && echo {answer}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        monkeypatch.setenv("SLURM_JOB_ID", "7")

    return fake


def test_the_time_left_of_a_job_is_what_squeue_says(squeue):
    squeue("1:00")
    assert deadline.remaining_seconds() == 60.0


@pytest.mark.parametrize("job", ["", "7; rm -rf /", "7,8"])
def test_outside_a_job_there_is_no_limit(squeue, monkeypatch, job):
    squeue("1:00")
    monkeypatch.setenv("SLURM_JOB_ID", job)
    assert deadline.remaining_seconds() is None


def test_without_squeue_there_is_no_limit(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("PATH", "")
    assert deadline.remaining_seconds() is None


def test_the_warning_is_a_sigterm_before_the_end(squeue):
    squeue("0:01")
    with termination() as terminated, deadline.warned_before_the_limit():
        assert terminated.wait(10)


def test_work_that_is_done_is_not_warned(squeue):
    squeue("0:01")
    with termination() as terminated:
        with deadline.warned_before_the_limit():
            pass
        assert not terminated.wait(1)


def test_a_thread_that_cannot_listen_is_not_warned(squeue):
    squeue("0:01")
    started = []

    def work():
        with deadline.warned_before_the_limit():
            started.extend(t for t in threading.enumerate() if isinstance(t, threading.Timer))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not started
