"""A stage computes what is missing or damaged, and nothing else."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from nsslib import run_sweep
from nsslib.config.files import parse
from nsslib.errors import Terminated, UserError
from nsslib.grid.batch import Batch, batches
from nsslib.grid.task import shards
from nsslib.monitor.progress import Reporter
from nsslib.stages import compute
from nsslib.stages.fit import fit_sweep
from nsslib.stages.reduce import reduce_sweep
from nsslib.stages.theory import theory_sweep
from nsslib.storage import atomic, store


@pytest.fixture
def sweep(tiny_sweep, tmp_path):
    """A copy of the finished sweep that a test may spoil."""
    config, results = tiny_sweep
    return config, shutil.copytree(results, tmp_path / "tiny")


@pytest.fixture
def forbidden(monkeypatch):
    """Any sampling fails the test."""

    def sampled(*_):
        raise AssertionError("sampled again")

    monkeypatch.setattr(compute, "computed", sampled)


class Listener(Reporter):
    """A reporter that remembers what was said."""

    def __init__(self):
        super().__init__(quiet=True)
        self.said = []

    def say(self, line):
        self.said.append(line)


def spoil(path):
    victim = next(p for p in path.rglob("c/**/*") if p.is_file())
    victim.write_bytes(victim.read_bytes()[:-1])


def test_a_sound_store_is_not_computed_again(sweep, forbidden, tmp_path):
    config, results = sweep
    shard, listener = next(shards(config)), Listener()
    attrs = compute.ensure_shard(shard, results / shard.path, tmp_path / "checkpoint.npz", listener)
    assert attrs["fingerprint"] == shard.fingerprint
    assert listener.said == [f"{shard.label}: already there, not computed again"]


def test_a_damaged_store_is_named_and_sampled_again_with_the_same_numbers(sweep, tmp_path):
    config, results = sweep
    shard, listener = next(shards(config)), Listener()
    path = results / shard.path
    before = store.check(path, "shard")
    spoil(path)
    after = compute.ensure_shard(shard, path, tmp_path / "checkpoint.npz", listener)
    assert str(path) in listener.said[0] and "damaged" in listener.said[0]
    assert all(before[key] == after[key] for key in ("fingerprint", "content_sha256"))


def changed(shard, **settings):
    return dataclasses.replace(shard, sampler=shard.sampler.model_copy(update=settings))


def test_a_store_of_other_settings_is_named_and_sampled_again(make_shard, tmp_path):
    path, listener = tmp_path / "shard.zarr", Listener()
    compute.ensure_shard(make_shard(), path, tmp_path / "c.npz", Listener())
    other = changed(make_shard(), target_accept=0.7)
    attrs = compute.ensure_shard(other, path, tmp_path / "c.npz", listener)
    assert attrs["fingerprint"] == other.fingerprint
    assert "made with other settings: sampler.target_accept 0.8, now 0.7" in listener.said[0]


def test_a_larger_budget_goes_on_where_the_smaller_one_ended(make_shard, tmp_path):
    path, listener = tmp_path / "shard.zarr", Listener()
    longer = changed(make_shard(), steps=100)
    compute.ensure_shard(make_shard(), path, tmp_path / "c.npz", Listener())
    attrs = compute.ensure_shard(longer, path, tmp_path / "c.npz", listener)
    assert any("continues at step 100 of 160 from a shorter run" in line for line in listener.said)
    fresh = compute.ensure_shard(longer, tmp_path / "fresh.zarr", tmp_path / "c.npz", Listener())
    assert attrs["content_sha256"] == fresh["content_sha256"]


def test_a_finished_shard_leaves_no_checkpoint(make_shard, tmp_path):
    checkpoint, seen = tmp_path / "checkpoint.npz", []

    def should_stop():
        seen.append(checkpoint.exists())

    path = tmp_path / "shard.zarr"
    compute.ensure_shard(make_shard(), path, checkpoint, Listener(), should_stop, checkpoint_seconds=-1.0)
    assert any(seen)
    assert [p.name for p in tmp_path.iterdir()] == ["shard.zarr"]


def test_a_manifest_lists_the_shards_of_its_batch(sweep, forbidden):
    config, results = sweep
    for batch in batches(config):
        (results / batch.manifest).unlink()
        entries = json.loads(compute.run_batch(batch, results, Listener()).read_text(encoding="utf-8"))
        assert list(entries) == [shard.path for shard in batch.shards]
        for path, entry in entries.items():
            attrs = store.check(results / path, "shard")
            assert entry == {key: attrs[key] for key in ("fingerprint", "content_sha256")}


def test_the_manifest_is_written_last_and_none_is_there_before(sweep, monkeypatch):
    config, results = sweep
    batch = batches(config)[0]
    own, half = results / batch.manifest, results / Batch("seeds=0-0", batch.shards[:1]).manifest
    other = results / Batch("seeds=128-191", batch.shards[:1]).manifest
    for manifest in (own, half, other):
        manifest.touch()
    shutil.rmtree(results / batch.shards[-1].path)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(compute, "computed", killed)
    with pytest.raises(KeyboardInterrupt):
        compute.run_batch(batch, results, Listener())
    assert [manifest.exists() for manifest in (own, half, other)] == [False, False, True]


def test_a_batch_that_is_asked_to_end_does_so_before_its_next_shard(sweep, monkeypatch):
    config, results = sweep
    batch = batches(config)[0]
    begun = []

    def finish(shard, *_):
        begun.append(shard)
        os.kill(os.getpid(), signal.SIGTERM)
        return {"fingerprint": "", "content_sha256": ""}

    monkeypatch.setattr(compute, "ensure_shard", finish)
    with pytest.raises(Terminated, match=f"SIGTERM: stopped before {batch.shards[1].label}"):
        compute.run_batch(batch, results, Listener())
    assert begun == [batch.shards[0]]


def test_a_signal_between_the_last_step_and_the_store_ends_the_batch_after_that_store(sweep, monkeypatch):
    config, results = sweep
    batch = batches(config)[0]
    first, second = batch.shards
    for shard in batch.shards:
        shutil.rmtree(results / shard.path)

    computed = compute.computed

    def signalled(*arguments):
        tree = computed(*arguments)
        os.kill(os.getpid(), signal.SIGTERM)
        return tree

    monkeypatch.setattr(compute, "computed", signalled)
    with pytest.raises(Terminated, match=f"stopped before {second.label}"):
        compute.run_batch(batch, results, Listener())
    store.check(results / first.path, "shard", first.fingerprint)
    assert not (results / second.path).exists() and not (results / batch.manifest).exists()


@pytest.mark.parametrize("steps", [1, 70])
def test_a_batch_that_its_caller_ends_saves_its_state_and_continues_from_it(sweep, steps):
    config, results = sweep
    batch, listener = batches(config)[0], Listener()
    path = results / batch.shards[0].path
    before = store.check(path, "shard")["content_sha256"]
    shutil.rmtree(path)
    calls = iter(range(steps + 1))
    with pytest.raises(Terminated, match=f"cancelled: stopped at step {steps} of "):
        compute.run_batch(batch, results, Listener(), lambda: None if next(calls) < steps else "cancelled")
    compute.run_batch(batch, results, listener)
    assert f"resumed at step {steps} of " in listener.said[0]
    assert store.check(path, "shard")["content_sha256"] == before


def test_a_sweep_in_one_process_stops_before_its_deadline(tiny_sweep, tmp_path, monkeypatch):
    monkeypatch.setenv("NSSLIB_DEADLINE", str(time.time() + 1e-3))
    with pytest.raises(Terminated, match="time limit: stopped before"):
        run_sweep(tiny_sweep[0], directory=tmp_path)


def test_what_is_left_of_a_shard_that_is_there_is_cleared(sweep, forbidden, tmp_path):
    config, results = sweep
    shard, checkpoint = next(shards(config)), tmp_path / "checkpoint.npz"
    checkpoint.touch()
    with subprocess.Popen(["true"]) as process:
        process.wait()
    partial = atomic.aside(results / shard.path)
    partial = partial.with_name(partial.name.replace(f".{os.getpid()}.", f".{process.pid}."))
    partial.mkdir()
    compute.ensure_shard(shard, results / shard.path, checkpoint, Listener())
    assert not checkpoint.exists() and not partial.exists()


@pytest.mark.parametrize("fault", [shutil.rmtree, spoil], ids=["missing", "damaged"])
def test_reducing_without_a_shard_undoes_its_manifest_and_says_so_in_one_line(sweep, fault):
    config, results = sweep
    batch = batches(config)[-1]
    victim = results / batch.shards[-1].path
    fault(victim)
    with pytest.raises(UserError, match="run the sweep again") as error:
        reduce_sweep(config, results)
    assert str(error.value).startswith(str(victim)) and "\n" not in str(error.value)
    assert [(results / b.manifest).exists() for b in batches(config)] == [b != batch for b in batches(config)]


def test_free_energies_of_each_reciprocity_are_relative_to_a_cell_of_its_own(tmp_path):
    block = {"N": [4, 6], "beta": [2.0, 5.0], "seeds": 1}
    blocks = {"zero": block | {"g": [0.8, 1.0]}, "half": block | {"gamma": [0.5], "g": [0.5, 0.8], "beta": [5.0, 8.0]}}
    sampler = {"burn_in": 60, "steps": 100, "n_leapfrog": 3, "save": {"trajectories": 0}}
    config = parse({"name": "two", "blocks": blocks, "sampler": sampler})
    for batch in batches(config):
        compute.run_batch(batch, tmp_path, Listener())
    for stage in (reduce_sweep, theory_sweep, fit_sweep):
        stage(config, tmp_path)
    table, fits = (store.read_table(tmp_path, kind) for kind in ("order_parameters", "fits"))
    for gamma, g, beta in ((0.0, 0.8, 2.0), (0.5, 0.5, 5.0)):
        reference = {"gamma": gamma, "g": g, "beta": beta}
        assert (table["log_z"].sel(reference) == 0.0).all() and float(fits["log_z_theory"].sel(reference)) == 0.0
        sampled = table["q"].sel(gamma=gamma).notnull()
        assert sampled.sum() == 8 and (table["log_z"].sel(gamma=gamma).notnull() == sampled).all()


def test_tables_are_stored_with_the_config(tiny_sweep):
    config, results = tiny_sweep
    for kind in ("order_parameters", "theory", "fits"):
        attrs = store.check(results / f"{kind}.zarr", kind)
        assert parse(json.loads(attrs["config"])) == config


def test_reducing_twice_gives_the_same_numbers(sweep):
    config, results = sweep
    before = store.check(results / "order_parameters.zarr", "order_parameters")
    reduce_sweep(config, results)
    after = store.check(results / "order_parameters.zarr", "order_parameters")
    assert before["content_sha256"] == after["content_sha256"]


def test_fitting_without_tables_names_the_missing_one(sweep):
    config, results = sweep
    shutil.rmtree(results / "theory.zarr")
    with pytest.raises(UserError, match=r"theory\.zarr: no such store"):
        fit_sweep(config, results)
