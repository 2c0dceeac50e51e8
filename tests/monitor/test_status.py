"""A sweep seen from outside: done, running, queued and failed shards, their speed and what is left."""

import os
import shutil
import time
from pathlib import Path

import pytest

from nsslib.errors import Terminated
from nsslib.grid.task import shards
from nsslib.monitor import heartbeat, progress
from nsslib.monitor.heartbeat import Heartbeat, State, path_of
from nsslib.monitor.progress import Reporter
from nsslib.monitor.status import SILENT_SECONDS, status
from nsslib.stages.compute import ensure_shard


@pytest.fixture
def unfinished(tiny_sweep, tmp_path):
    """Results that lack the two shards of one place, and the heartbeats those would write."""
    config, results = tiny_sweep
    results = shutil.copytree(results, tmp_path / "tiny")
    members = [shard for shard in shards(config) if shard.place == "main/gamma=0/N=8"]
    beats = []
    for shard in members:
        shutil.rmtree(results / shard.path)
        beats.append(path_of(results / "checkpoints" / shard.path.replace(".zarr", ".npz")))
    return results, members, beats


def row_of(results):
    sweep = status(results)
    return sweep, next(row for row in sweep.rows if row.place == "main/gamma=0/N=8")


def counts(row):
    return row.done, row.running, row.queued, row.failed


def test_a_finished_sweep_has_nothing_left(tiny_sweep):
    sweep = status(tiny_sweep[1])
    assert sweep.done == sweep.total == 4
    assert all(row.seconds_left == 0.0 for row in sweep.rows)


def test_shards_without_a_sign_are_queued(unfinished):
    sweep, row = row_of(unfinished[0])
    assert counts(row) == (0, 0, 2, 0)
    assert (sweep.done, sweep.total) == (2, 4)


def test_a_running_shard_shows_its_speed_and_its_worst_cell(unfinished, monkeypatch):
    results, members, beats = unfinished
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    beating = Heartbeat(beats[0])
    for step in range(1, 51):
        now[0] += 1.0
        beating.on_step(step, 200, 0.8, "ESS of q at least 7" if step >= 20 else "")
    sweep, row = row_of(results)
    assert counts(row) == (0, 1, 1, 0)
    beat = sweep.running[members[0].label]
    assert (beat.total, beat.remark) == (200, "ESS of q at least 7")
    assert beat.rate == pytest.approx(1.0)
    # One at 200 s, one with 200 - beat.step steps to go.
    assert row.seconds_left == pytest.approx(400 - beat.step)


def end(path, error):
    """A try that ends with an error."""
    with pytest.raises(type(error)), Heartbeat(path):
        raise error


def test_a_failed_shard_shows_the_last_line_of_its_error(unfinished):
    results, members, beats = unfinished
    end(beats[0], OSError("first\nno space left on device"))
    sweep, row = row_of(results)
    assert counts(row) == (0, 0, 1, 1)
    assert sweep.failed == {members[0].label: "no space left on device"}


def test_a_shard_that_was_asked_to_end_waits_for_another_try(unfinished):
    results, members, beats = unfinished
    with pytest.raises(Terminated):
        ensure_shard(members[0], results / members[0].path, beats[0].with_suffix(".npz"), Reporter(quiet=True),
                     should_stop=lambda: "maintenance")  # fmt: skip
    assert counts(row_of(results)[1]) == (0, 0, 2, 0)
    assert heartbeat.read(beats[0])[0].state == State.SAVED


def test_what_became_of_a_shard_depends_on_the_type_of_its_error_and_not_on_the_text(unfinished):
    results, members, beats = unfinished
    end(beats[0], OSError("SIGTERM: stopped at step 3 of 9"))
    end(beats[1], Terminated("disk full"))
    sweep, row = row_of(results)
    assert counts(row) == (0, 0, 1, 1)
    assert list(sweep.failed) == [members[0].label]


def test_a_shard_that_fell_silent_has_failed(unfinished):
    results, members, beats = unfinished
    Heartbeat(beats[0]).on_step(1, 9, 0.8, "")
    past = time.time() - SILENT_SECONDS - 60
    os.utime(beats[0], (past, past))
    sweep, row = row_of(results)
    assert counts(row) == (0, 0, 1, 1)
    assert "silent for 3 minutes" in sweep.failed[members[0].label]


@pytest.mark.parametrize("hours", [-5, 5])
def test_the_clock_of_the_machine_that_asks_does_not_matter(unfinished, monkeypatch, hours):
    results, members, beats = unfinished
    past = time.time() - SILENT_SECONDS - 60
    for path in beats:
        Heartbeat(path).on_step(1, 9, 0.8, "")
    os.utime(beats[1], (past, past))
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 3600.0 * hours)
    sweep, row = row_of(results)
    assert counts(row) == (0, 1, 0, 1)
    assert list(sweep.running) == [members[0].label]
    assert set(beats[0].parent.iterdir()) == set(beats), "nothing is left of the question"


def test_a_sweep_that_cannot_be_written_to_is_judged_by_the_clock_of_this_machine(unfinished, monkeypatch):
    results, _, beats = unfinished
    Heartbeat(beats[0]).on_step(1, 9, 0.8, "")

    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "touch", read_only)
    assert counts(row_of(results)[1]) == (0, 1, 1, 0)
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 2 * SILENT_SECONDS)
    assert counts(row_of(results)[1]) == (0, 0, 1, 1)


@pytest.mark.parametrize("content", ['{"host": ', '{"host": "a"}', '{"host": "a", "state": "lost"}', "[]", "\0"])
def test_a_damaged_heartbeat_is_no_heartbeat(unfinished, content):
    results, _, beats = unfinished
    beats[0].parent.mkdir(parents=True, exist_ok=True)
    beats[0].write_text(content, encoding="utf-8")
    assert counts(row_of(results)[1]) == (0, 0, 2, 0)


def test_a_heartbeat_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    with Heartbeat(tmp_path / "file" / "beat.json") as beating:
        beating.on_step(1, 9, 0.8, "")
    assert (tmp_path / "file").is_file()


def test_a_shard_beats_while_it_runs_and_leaves_its_error_or_nothing(make_shard, tmp_path):
    checkpoint, states = tmp_path / "c.npz", []

    class Interrupted(Reporter):
        def on_step(self, label):
            def on_step(done, total, acceptance, remark):
                if done == 50:
                    states.append(heartbeat.read(path_of(checkpoint))[0].state)
                    raise RuntimeError("pulled the plug")

            return on_step

    with pytest.raises(RuntimeError):
        ensure_shard(make_shard(), tmp_path / "s.zarr", checkpoint, Interrupted(quiet=True))
    assert states == [State.RUNNING]
    beat, _ = heartbeat.read(path_of(checkpoint))
    assert (beat.state, beat.step, beat.total, beat.reason) == (State.FAILED, 49, 100, "pulled the plug")
    ensure_shard(make_shard(), tmp_path / "s.zarr", checkpoint, Reporter(quiet=True))
    assert heartbeat.read(path_of(checkpoint)) is None
