"""The Dask executor without Dask: what jobs ask of workers, and how a job is supervised."""

import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from snakemake_executor_plugin_dask import supervise
from snakemake_executor_plugin_dask.cluster import declared, fits, text
from snakemake_executor_plugin_dask.worker import WORKER_DIED, Command, JobError, _claim, wanted

SMALL, LARGE = {"threads": 2, "mem_mb": 4000}, {"threads": 16, "mem_mb": 1000}


def test_a_job_fits_if_one_worker_has_all_it_asks_for():
    assert fits({"threads": 2, "mem_mb": 4000}, [SMALL, LARGE])
    assert fits({"threads": 16}, [SMALL, LARGE])
    assert not fits({"threads": 16, "mem_mb": 2000}, [SMALL, LARGE]), "no worker has both"
    assert not fits({"threads": 1}, [])


def test_only_resources_that_some_worker_declares_are_asked_for():
    request = {"threads": 3, "mem_mb": 100}
    assert declared(request, [{}, {"threads": 4}]) == {"threads": 3}
    assert declared(request, [{}]) == {}
    assert fits(declared(request, [{}]), [{}])


def test_resources_read_as_dask_worker_takes_them():
    assert text({"threads": 2.0, "mem_mb": 25000}) == "threads=2 mem_mb=25000"


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ({"key": SimpleNamespace(state="executing")}, True),
        ({"key": SimpleNamespace(state="cancelled")}, False),
        ({}, False),
    ],
)
def test_a_task_is_wanted_until_it_is_cancelled_or_forgotten(tasks, expected):
    assert wanted(SimpleNamespace(state=SimpleNamespace(tasks=tasks)), "key") is expected


@pytest.fixture
def command(tmp_path):
    return Command("true", str(tmp_path), str(tmp_path / "log"), str(tmp_path / "mark"))


def test_a_job_begins_on_one_worker_only(command):
    _claim(command)
    with pytest.raises(JobError, match=WORKER_DIED):
        _claim(command)


def test_a_worker_without_the_file_system_of_the_head_is_named(tmp_path):
    with pytest.raises(JobError, match=r"nowhere cannot be written on .* need the file system that Snakemake runs on"):
        _claim(Command("true", "nowhere", "log", str(tmp_path / "absent" / "mark")))


def test_a_job_is_ending_from_its_begin_until_its_mark_says_so(command, tmp_path):
    assert not command.ending()
    _claim(command)
    assert command.ending()
    (tmp_path / "mark").write_text("ended")
    assert not command.ending()


@pytest.fixture
def start(command):
    """``start(shell, grace)``: a supervised command, as a worker starts it."""

    def begin(shell, grace=20):
        return subprocess.Popen(
            [sys.executable, "-I", "-S", supervise.__file__, command.mark, str(grace), shell],
            cwd=command.directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    return begin


@pytest.mark.parametrize(("shell", "code"), [("true", 0), ("exit 3", 3), ("kill -9 $$", 128 + signal.SIGKILL)])
def test_the_exit_code_is_that_of_the_command(start, command, shell, code):
    with start(shell) as process:
        assert process.wait(timeout=20) == code
    assert not command.ending()


def test_closing_standard_input_lets_the_command_save_its_state_and_end(start):
    with start("trap 'echo saved; exit 4' TERM; echo ready; while :; do sleep 0.1; done") as process:
        assert process.stdout.readline() == "ready\n"
        process.stdin.close()
        assert process.stdout.readline() == "saved\n"
        assert process.wait(timeout=20) == 4


def test_what_ignores_sigterm_is_killed_after_the_grace(start):
    with start("trap '' TERM; echo ready; while :; do sleep 0.1; done", grace=0.5) as process:
        assert process.stdout.readline() == "ready\n"
        process.stdin.close()
        assert process.wait(timeout=20) == 128 + signal.SIGKILL


def test_what_a_command_leaves_in_the_background_ends_with_it(start):
    with start("sleep 100000 & echo left") as process:
        # The pipe is at its end only when nothing holds it any more.
        assert process.stdout.read() == "left\n"
        assert process.wait(timeout=20) == 0
