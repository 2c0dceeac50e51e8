"""A sweep seen from outside: done, running, queued and failed shards, their speed and what is left."""

import os
import shutil
import time

import pytest

from nsslib.grid.shard import shards
from nsslib.monitor import heartbeat
from nsslib.monitor.heartbeat import Heartbeat, beside
from nsslib.monitor.progress import Reporter
from nsslib.monitor.status import SILENT_SECONDS, status
from nsslib.sampling.termination import Terminated
from nsslib.stages.sample import ensure_shard


@pytest.fixture
def unfinished(tiny_sweep, tmp_path):
    """Results that lack the two shards of one place, and the heartbeats those would write."""
    config, results = tiny_sweep
    results = shutil.copytree(results, tmp_path / "tiny")
    members = [shard for shard in shards(config) if shard.place == "main/gamma=0/N=8"]
    beats = []
    for shard in members:
        shutil.rmtree(results / shard.path)
        beats.append(beside(results / "checkpoints" / shard.path.replace(".zarr", ".npz")))
    return results, members, beats


def row_of(results):
    found = status(results)
    return found, next(row for row in found.rows if row.place == "main/gamma=0/N=8")


def counts(row):
    return row.done, row.running, row.queued, row.failed


def test_a_finished_sweep_has_nothing_left(tiny_sweep):
    found = status(tiny_sweep[1])
    assert found.done == found.total == 4
    assert all(row.seconds_left == 0.0 for row in found.rows)


def test_shards_without_a_sign_are_queued(unfinished):
    found, row = row_of(unfinished[0])
    assert counts(row) == (0, 0, 2, 0)
    assert (found.done, found.total) == (2, 4)


def test_a_running_shard_tells_its_speed_and_its_worst_cell(unfinished, monkeypatch):
    results, members, beats = unfinished
    now = [0.0]
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: now[0])
    beating = Heartbeat(beats[0])
    for step in range(1, 51):
        now[0] += 1.0
        beating.watch(step, 200, 0.8, "ESS of q at least 7" if step >= 20 else "")
    found, row = row_of(results)
    assert counts(row) == (0, 1, 1, 0)
    beat = found.running[members[0].label]
    assert (beat.total, beat.remark) == (200, "ESS of q at least 7")
    assert beat.rate == pytest.approx(1.0)
    # One at 200 s, one with 200 - beat.step steps to go.
    assert row.seconds_left == pytest.approx(400 - beat.step)


def test_a_failed_shard_tells_the_last_line_of_its_reason(unfinished):
    results, members, beats = unfinished
    Heartbeat(beats[0]).end(OSError("first\nno space left on device"))
    found, row = row_of(results)
    assert counts(row) == (0, 0, 1, 1)
    assert found.failed == {members[0].label: "no space left on device"}


def test_a_shard_that_was_told_to_stop_waits_for_another_try(unfinished):
    results, _, beats = unfinished
    Heartbeat(beats[0]).end(Terminated("SIGTERM: stopped at step 3 of 9"))
    assert counts(row_of(results)[1]) == (0, 0, 2, 0)


def test_a_shard_that_fell_silent_has_failed(unfinished):
    results, members, beats = unfinished
    Heartbeat(beats[0]).watch(1, 9, 0.8, "")
    past = time.time() - SILENT_SECONDS - 60
    os.utime(beats[0], (past, past))
    found, row = row_of(results)
    assert counts(row) == (0, 0, 1, 1)
    assert "silent for 3 minutes" in found.failed[members[0].label]


def test_a_damaged_heartbeat_is_no_heartbeat(unfinished):
    results, _, beats = unfinished
    beats[0].parent.mkdir(parents=True, exist_ok=True)
    beats[0].write_text('{"host": ', encoding="utf-8")
    assert counts(row_of(results)[1]) == (0, 0, 2, 0)


def test_a_heartbeat_that_can_not_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    beating = Heartbeat(tmp_path / "file" / "beat.json")
    beating.watch(1, 9, 0.8, "")
    beating.remove()


def test_a_shard_beats_while_it_runs_and_leaves_its_reason_or_nothing(make_shard, tmp_path, monkeypatch):
    monkeypatch.setattr(heartbeat, "SECONDS_BETWEEN_BEATS", 0.0)
    checkpoint = tmp_path / "c.npz"

    class Interrupted(Reporter):
        def watch(self, label):
            def told(done, total, acceptance, remark):
                if done == 50:
                    raise RuntimeError("pulled the plug")

            return told

    with pytest.raises(RuntimeError):
        ensure_shard(make_shard(), tmp_path / "s.zarr", checkpoint, Interrupted(quiet=True))
    beat, _ = heartbeat.read(beside(checkpoint))
    assert (beat.step, beat.total, beat.reason) == (49, 100, "pulled the plug")
    ensure_shard(make_shard(), tmp_path / "s.zarr", checkpoint, Reporter(quiet=True))
    assert heartbeat.read(beside(checkpoint)) is None
