"""A process stops in time before its scheduler ends it, whichever scheduler that is."""

import os
import time

import pytest

from nsslib.errors import UserError
from nsslib.executors import deadline
from nsslib.executors.deadline import WARNING_SECONDS, end_time, time_limit

NOW = 1_900_000_000.0


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


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """``clock[0]``: the time of this machine; no scheduler has said anything."""
    time_now = [NOW]
    monkeypatch.setattr(time, "time", lambda: time_now[0])
    for name in ("NSSLIB_DEADLINE", "SLURM_JOB_END_TIME", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    return time_now


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


def test_without_a_scheduler_there_is_no_limit():
    assert end_time() is None
    assert time_limit()() is None


def test_squeue_tells_the_end_of_a_job(squeue):
    squeue("1:00")
    assert end_time() == NOW + 60.0


def test_what_slurm_tells_a_job_comes_before_squeue(squeue, monkeypatch):
    squeue("1:00")
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(round(NOW) + 90))
    assert end_time() == NOW + 90.0


@pytest.mark.parametrize("value", ["", "unlimited", str(round(NOW) - 1)])
def test_an_end_that_is_no_time_or_past_was_not_meant_for_this_job(squeue, monkeypatch, value):
    squeue("1:00")
    monkeypatch.setenv("SLURM_JOB_END_TIME", value)
    assert end_time() == NOW + 60.0


@pytest.mark.parametrize("job", ["", "7; rm -rf /", "7,8"])
def test_squeue_is_asked_for_a_number_only(squeue, monkeypatch, job):
    squeue("1:00")
    monkeypatch.setenv("SLURM_JOB_ID", job)
    assert end_time() is None


def test_without_squeue_there_is_no_limit(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("PATH", "")
    assert end_time() is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1900000300", 1900000300.0),
        (" 1900000300.5 ", 1900000300.5),
        ("2030-03-17T17:51:40Z", 1900000300.0),
        ("2030-03-17T19:51:40+02:00", 1900000300.0),
    ],
)
def test_the_deadline_of_the_user_comes_before_all_others(squeue, monkeypatch, text, seconds):
    squeue("1:00")
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(round(NOW) + 90))
    monkeypatch.setenv("NSSLIB_DEADLINE", text)
    assert end_time() == seconds


@pytest.mark.parametrize(
    "text", ["soon", "2030-03-17T17:51:40", "2030-03-17", "20300317", "12:00", "nan", "inf", "-1", "2030-02-30T00:00Z"]
)
def test_a_deadline_that_is_no_time_is_named_in_one_line(monkeypatch, text):
    monkeypatch.setenv("NSSLIB_DEADLINE", text)
    with pytest.raises(UserError, match=r"^NSSLIB_DEADLINE: .*ISO 8601 with its zone") as error:
        time_limit()
    assert repr(text) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("length", "warning"), [(3600.0, WARNING_SECONDS), (60.0, 30.0)])
def test_the_reason_to_stop_comes_before_the_end_and_leaves_a_short_job_half_of_its_time(
    clock, monkeypatch, length, warning
):
    monkeypatch.setenv("NSSLIB_DEADLINE", str(NOW + length))
    should_stop = time_limit()
    clock[0] = NOW + length - warning - 1.0
    assert should_stop() is None
    clock[0] += 1.0
    assert should_stop() == "time limit"
