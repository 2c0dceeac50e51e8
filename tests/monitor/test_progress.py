"""Progress: lines with step and time left in a log, a user's mistake as one line."""

import io

import pytest

from nsslib.errors import UserError
from nsslib.monitor import progress
from nsslib.monitor.progress import Reporter, clock, logged


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00:00"), (59.6, "0:01:00"), (4e5, "111:06:40")])
def test_a_clock_shows_hours_minutes_and_seconds(seconds, text):
    assert clock(seconds) == text


@pytest.fixture
def watch_ten_steps(monkeypatch):
    """``watch_ten_steps(first)``: lines of a shard of 10 steps, 2 s each, every step reported."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def watch(first=1, between=-1.0):
        log = io.StringIO()
        with Reporter(log, seconds=between) as reporter:
            on_step = reporter.on_step("shard 7")
            for step in range(first, 11):
                now[0] += 2.0
                on_step(step, 10, 0.8)
        return log.getvalue().splitlines()

    return watch


def test_a_line_names_shard_step_time_left_and_acceptance(watch_ten_steps):
    lines = watch_ten_steps()
    assert len(lines) == 10
    assert lines[3] == "shard 7: step 4 of 10, ETA 0:00:12, 0 steps/s, acceptance 0.80"


def test_the_last_line_says_how_long_it_took(watch_ten_steps):
    assert "step 10 of 10, took 0:00:20" in watch_ten_steps()[-1]


def test_the_time_left_counts_from_where_a_run_resumed(watch_ten_steps):
    assert "step 8 of 10, ETA 0:00:04" in watch_ten_steps(first=8)[0]


def test_lines_come_now_and_then_and_at_the_end(watch_ten_steps):
    steps = [line.split(" of ")[0] for line in watch_ten_steps(between=7.0)]
    assert steps == ["shard 7: step 4", "shard 7: step 8", "shard 7: step 10"]


def test_a_quiet_reporter_says_nothing(capsys):
    with Reporter(quiet=True) as reporter:
        reporter.say("hello")
        reporter.on_step("shard")(1, 1, 0.5)
        reporter.count("sweep", 2)(1)
    assert capsys.readouterr() == ("", "")


def test_the_shards_of_a_sweep_are_counted_with_the_time_left(monkeypatch):
    now, log = [0.0], io.StringIO()
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Reporter(log) as reporter:
        count = reporter.count("sweep", 6)
        for more in (1, 2):
            now[0] += 30.0
            count(more)
    assert log.getvalue().splitlines()[1] == "sweep: 3 of 6 shards, ETA 0:01:00"


def test_standard_error_is_the_default(capsys):
    with Reporter() as reporter:
        reporter.say("hello")
    assert capsys.readouterr() == ("", "hello\n")


def test_every_stream_hears_the_same():
    logs = io.StringIO(), io.StringIO()
    with Reporter(*logs) as reporter:
        reporter.say("hello")
    assert [log.getvalue() for log in logs] == ["hello\n"] * 2


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar_instead_of_lines():
    terminal = Terminal()
    with Reporter(terminal) as reporter:
        on_step = reporter.on_step("shard 7")
        for step in (1, 2):
            on_step(step, 2, 0.8)
    assert "shard 7" in terminal.getvalue()
    assert "step 1 of 2" not in terminal.getvalue()


def test_a_terminal_shows_brackets_as_they_are():
    terminal = Terminal()
    with Reporter(terminal) as reporter:
        reporter.say("/data/[old]/[/x]: damaged")
    assert "/data/[old]/[/x]: damaged" in terminal.getvalue()


def test_a_job_that_succeeds_says_so(tmp_path):
    with logged(str(tmp_path / "log")) as log:
        print("working", file=log)
    assert (tmp_path / "log").read_text(encoding="utf-8") == "working\ndone\n"


def test_a_mistake_is_one_line_in_the_log_and_exit_code_2(tmp_path):
    with pytest.raises(SystemExit) as stop, logged(str(tmp_path / "log")):
        raise UserError("sampler.stepz: unknown key")
    assert stop.value.code == 2
    assert (tmp_path / "log").read_text(encoding="utf-8") == "sampler.stepz: unknown key\n"


def test_any_other_failure_leaves_its_traceback_in_the_log(tmp_path):
    with pytest.raises(ZeroDivisionError), logged(str(tmp_path / "log")):
        1 / 0  # noqa: B018
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert log.startswith("Traceback") and "ZeroDivisionError" in log and "done" not in log
