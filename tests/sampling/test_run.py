"""A run can be broken anywhere and gives the same bits; its step sizes find their aim."""

import os
import signal

import numpy as np
import pytest

from nsslib.analysis.chains.stopping import judge_of
from nsslib.errors import Terminated
from nsslib.kernels.cpu.elementary import libm_exp
from nsslib.model.couplings import couplings
from nsslib.model.estimators import single
from nsslib.model.quasipotential import gradient, laplacian, residual
from nsslib.model.transfer import PHI
from nsslib.sampling.dataset import saved_state, to_tree
from nsslib.sampling.run import run
from nsslib.storage import checkpoint
from nsslib.tasks.termination import termination

INTEGRATORS = ["hmc", "ghmc", "mala", "baoab", "euler-maruyama"]
BREAKS = (1, 37, 60, 61, 83)
"""In burn-in, at its end, in the first recorded step, and later."""


class Interrupted(Exception):
    """Stands for a kill."""


def breaking_at(step):
    def on_step(done, total, *_):
        if done == step:
            raise Interrupted

    return on_step


def outcome(record):
    """All arrays of a record, by name."""
    recorder = record.recorder
    return {
        **recorder.single,
        **recorder.pair,
        "x": recorder.x,
        "acceptance": record.acceptance,
        "step_size": record.step_size,
        "exchange_beta": record.exchange_beta,
        "exchange_g": record.exchange_g,
        "trips": record.trips,
    }


def assert_same_bits(a, b):
    for name, array in outcome(a).items():
        np.testing.assert_array_equal(array, outcome(b)[name], err_msg=name)


def saving_run(*arguments):
    """A run that saves its state after every step."""
    return run(*arguments, checkpoint_seconds=-1.0)


@pytest.mark.parametrize("exchange", [True, False, {"every": 3}], ids=["exchange", "alone", "every third step"])
@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_a_broken_run_gives_the_bits_of_an_unbroken_one(make_shard, tmp_path, integrator, exchange):
    shard = make_shard(sampler={"integrator": integrator, "exchange": exchange, "save": {"trajectories": 20}})
    path = tmp_path / "checkpoint.npz"
    for step in BREAKS:
        with pytest.raises(Interrupted):
            saving_run(shard, path, breaking_at(step))
    assert_same_bits(run(shard, path), run(shard))


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_broken_run_of_either_precision_resumes(make_shard, tmp_path, precision):
    shard = make_shard(sampler={"precision": precision})
    path = tmp_path / "checkpoint.npz"
    with pytest.raises(Interrupted):
        saving_run(shard, path, breaking_at(70))
    assert_same_bits(run(shard, path), run(shard))


def test_resuming_says_from_where_and_counts_on(make_shard, tmp_path):
    shard, path = make_shard(), tmp_path / "checkpoint.npz"
    with pytest.raises(Interrupted):
        saving_run(shard, path, breaking_at(31))
    notes, steps = [], []
    run(shard, path, lambda done, total, *_: steps.append((done, total)), notes.append)
    assert notes == [f"resumed at step 30 of 100 from {path}"]
    assert steps == [(done, 100) for done in range(31, 101)]


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace_by_plain_array(path):
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))


DAMAGES = {
    "flipped": damage,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "empty": lambda path: path.write_bytes(b""),
    "foreign": lambda path: path.write_text("not a checkpoint", encoding="utf-8"),
    "another array": replace_by_plain_array,
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_the_older_one_used(make_shard, tmp_path, kind):
    shard, path, notes = make_shard(), tmp_path / "checkpoint.npz", []
    with pytest.raises(Interrupted):
        saving_run(shard, path, breaking_at(31))
    DAMAGES[kind](path)
    record = run(shard, path, note=notes.append)
    assert len(notes) == 2 and str(path) in notes[0] and "damaged" in notes[0]
    assert notes[1].startswith("resumed at step 29")
    assert_same_bits(record, run(shard))


def test_with_both_checkpoints_damaged_the_run_starts_afresh(make_shard, tmp_path):
    shard, path, notes = make_shard(), tmp_path / "checkpoint.npz", []
    with pytest.raises(Interrupted):
        saving_run(shard, path, breaking_at(31))
    damage(path)
    damage(checkpoint.older(path))
    record = run(shard, path, note=notes.append)
    assert len(notes) == 2 and all("damaged" in line for line in notes)
    assert_same_bits(record, run(shard))


@pytest.mark.parametrize("step", [20, 77])
def test_sigterm_saves_the_state_and_ends_the_run(make_shard, tmp_path, step):
    shard, path = make_shard(), tmp_path / "checkpoint.npz"

    def killed(done, total, *_):
        if done == step:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    message = f"SIGTERM: stopped at step {step} of 100, saved in"
    with pytest.raises(Terminated, match=message), termination() as should_stop:
        run(shard, path, killed, should_stop=should_stop)
    assert signal.getsignal(signal.SIGTERM) is before
    notes = []
    assert_same_bits(run(shard, path, note=notes.append), run(shard))
    assert notes == [f"resumed at step {step} of 100 from {path}"]


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_a_longer_run_goes_on_where_a_shorter_one_ended(make_shard, integrator):
    save = {"observables": 4, "trajectories": 8}
    short, long = (make_shard(sampler={"integrator": integrator, "steps": s, "save": save}) for s in (40, 80))
    tree = to_tree(short, run(short))
    notes = []
    record = run(long, note=notes.append, start=saved_state(tree))
    assert notes == ["continues at step 100 of 140 from a shorter run"]
    assert_same_bits_as_stored(to_tree(long, record), to_tree(long, run(long)))


def assert_same_bits_as_stored(a, b):
    for node in a.subtree:
        for name, values in node.dataset.variables.items():
            np.testing.assert_array_equal(values, b[node.path].dataset.variables[name], err_msg=f"{node.path}/{name}")


def judged(shard):
    notes, remarks = [], []
    record = run(shard, on_step=lambda *progress: remarks.append(progress[3]), note=notes.append, judge=judge_of(shard))
    return record, notes, remarks


def test_evidence_ends_a_run_early_with_the_draws_of_a_full_one(make_shard):
    sampler = {"steps": 2000, "save": {"observables": 2, "trajectories": 20}}
    record, notes, remarks = judged(make_shard(sampler=sampler | {"stop_when": {"ess": 60, "rhat": 1.2}}))
    assert record.steps < 2000
    assert notes == [f"ends at step {60 + record.steps} of 2060: diagnostics reached"]
    assert remarks[-1].startswith("ESS of q at least ")
    full = run(make_shard(sampler=sampler))
    draws, frames = record.steps // 2, record.steps // 20
    for name, series in record.recorder.single.items():
        np.testing.assert_array_equal(series, full.recorder.single[name][:draws])
    np.testing.assert_array_equal(record.recorder.x, full.recorder.x[:frames])
    assert to_tree(make_shard(sampler=sampler), record)["observables"].sizes["draw"] == draws


def test_without_enough_evidence_the_budget_is_used(make_shard):
    record, notes, _ = judged(make_shard(sampler={"steps": 200, "stop_when": {"ess": 1e6}}))
    assert record.steps == 200
    assert not notes


def test_hours_end_a_run_too(make_shard):
    record, notes, _ = judged(make_shard(sampler={"steps": 200, "stop_when": {"ess": 1e6, "hours": 1e-9}}))
    assert record.steps == 20
    assert notes == ["ends at step 80 of 260: hours reached"]


def test_no_flipped_bit_of_a_checkpoint_is_taken_for_a_state(make_shard, tmp_path):
    shard, path = make_shard(), tmp_path / "checkpoint.npz"
    checkpoint.save(path, shard.settings(), {"X": np.arange(3.0), "t": np.array(7)})
    sound, _ = checkpoint.load(path, shard.settings())
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        state, remarks = checkpoint.load(path, shard.settings())
        if state is None:
            assert str(path) in remarks[0]
        else:
            assert state.keys() == sound.keys(), f"bit {at % 8} of byte {at}"
            for name, array in state.items():
                np.testing.assert_array_equal(array, sound[name])


def test_a_checkpoint_of_other_settings_is_named_and_not_used(make_shard, tmp_path):
    path, notes = tmp_path / "checkpoint.npz", []
    with pytest.raises(Interrupted):
        saving_run(make_shard(), path, breaking_at(31))
    other = make_shard(seeds=[1])
    record = run(other, path, note=notes.append)
    assert len(notes) == 2 and str(path) in notes[0] and "other settings: seed 0, now 1" in notes[0]
    assert_same_bits(record, run(other))


def test_a_checkpoint_is_replaced_only_by_a_complete_one(make_shard, tmp_path, monkeypatch):
    shard, path = make_shard(), tmp_path / "checkpoint.npz"
    checkpoint.save(path, shard.settings(), {"t": np.array(1)})

    def full_disk(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save(path, shard.settings(), {"t": np.array(2)})
    state, remarks = checkpoint.load(path, shard.settings())
    assert int(state["t"]) == 1 and not remarks


def test_no_checkpoint_is_no_complaint(make_shard, tmp_path):
    assert checkpoint.load(tmp_path / "none.npz", make_shard().settings()) == (None, [])


@pytest.mark.parametrize("target", [0.6, 0.8])
@pytest.mark.parametrize("integrator", ["hmc", "ghmc", "mala"])
def test_step_sizes_reach_the_aimed_acceptance(make_shard, integrator, target):
    sampler = {"integrator": integrator, "target_accept": target, "burn_in": 1000, "steps": 1000}
    record = run(make_shard(N=[32], g=[0.5, 0.8], sampler=sampler))
    np.testing.assert_allclose(record.acceptance.mean(axis=0), target, atol=0.05)


def test_a_given_step_size_is_kept(make_shard):
    assert np.all(run(make_shard(sampler={"step_size": 0.07})).step_size == pytest.approx(0.07, rel=1e-14))


def test_step_sizes_are_frozen_after_burn_in(make_shard, tmp_path):
    shard, path = make_shard(), tmp_path / "checkpoint.npz"
    with pytest.raises(Interrupted):
        saving_run(shard, path, breaking_at(62))
    at_end_of_burn_in, _ = checkpoint.load(path, shard.settings())
    np.testing.assert_array_equal(libm_exp(at_end_of_burn_in["log_eps"]), run(shard).step_size)


def test_a_chain_that_diverges_is_stopped_and_named_and_the_rest_goes_on(make_shard):
    """Linear phi at g = 60: the Hessian has eigenvalues far beyond 2 / dt; at g = 0.3 it has not."""
    sampler = {"integrator": "euler-maruyama", "step_size": 0.4, "exchange": False}
    shard = make_shard(g=[0.3, 60.0], model={"phi": "linear"}, sampler=sampler)
    said = []
    record = run(shard, note=said.append)
    bad = record.stopped > 0
    assert bad.any() and not bad.all()
    assert len(said) == bad.sum()
    assert all("last good step" in line and "smaller step_size than 0.4" in line for line in said)
    assert all("g=60," in line for line in said)
    visible = record.recorder.single["q"][-1]
    assert np.isfinite(visible[:, 0]).all()
    assert np.isnan(visible[:, 1]).any()


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_run_records_finite_numbers_at_every_draw(make_shard, precision):
    shard = make_shard(sampler={"precision": precision, "save": {"observables": 4, "trajectories": 8}})
    recorder = run(shard).recorder
    np.testing.assert_array_equal(recorder.steps, np.arange(4, 41, 4))
    np.testing.assert_array_equal(recorder.x_steps, np.arange(8, 41, 8))
    for array in (*recorder.single.values(), *recorder.pair.values(), recorder.x):
        assert np.isfinite(array).all()


@pytest.mark.parametrize("phi", PHI)
def test_what_is_recorded_follows_from_the_stored_state_at_the_g_and_beta_of_its_cell(make_shard, phi):
    shard = make_shard(
        gamma=[0.4],
        model={"phi": phi, "eta": 0.2, "diagonal": "iid"},
        sampler={"save": {"observables": 4, "trajectories": 8}},
    )
    recorder = run(shard).recorder
    J0 = couplings(shard.N, 0.4, shard.seed, "iid")
    for draw, replica, i, j in np.ndindex(recorder.x.shape[:-1]):
        x, J, beta = recorder.x[draw, replica, i, j].astype(float), shard.g[i] * J0, shard.beta[j]
        v, f, dE = residual(x, J, phi), PHI[phi].value(x), gradient(x, J, phi, 0.2)
        expected = single(x, v, f, dE, laplacian(x, J, phi, 0.2), beta, 0.2)
        for name, value in expected.items():
            found = recorder.single[name][2 * draw + 1, replica, i, j]
            assert found == pytest.approx(value, rel=1e-4, abs=1e-5), name


def test_intermediate_columns_are_sampled_but_not_recorded(make_shard):
    shard = make_shard(N=[32], beta=[1.0, 20.0])
    record = run(shard)
    g, beta = (len(ladder.values) for ladder in shard.ladders)
    assert beta > 2
    assert record.acceptance.shape == (2, g, beta)
    assert record.recorder.single["q"].shape[2:] == (2, 2)
    cold, hot = (np.median(record.recorder.single["Y"][..., k] + 1) for k in (0, 1))
    assert 0.5 < cold < 2 and 0.5 < hot < 2, "each recorded column has the energy of its own beta"


def test_trajectories_may_be_left_out(make_shard):
    assert run(make_shard(sampler={"save": {"trajectories": 0}})).recorder.x.size == 0
