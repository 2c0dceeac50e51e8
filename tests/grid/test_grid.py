"""Blocks become shards, shards columns: names, fingerprints and intermediate points."""

import dataclasses
import math
import pickle
import re
from functools import partial

import numpy as np
import pytest

import nsslib
from nsslib.config.files import parse
from nsslib.config.schema import Model, Sampler, Save, StopWhen
from nsslib.grid.axes import text
from nsslib.grid.batch import Batch, batches
from nsslib.grid.ladder import beta_ladder, g_ladder
from nsslib.grid.sampling import Sampling, reference_point
from nsslib.grid.task import shards


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.1 + 0.2, "0.3"),
        (1.0, "1"),
        (0.0, "0"),
        (-0.5, "-0.5"),
        (1e4, "10000"),
        (1 / 3, "0.333333333333"),
        (-0.0, "0"),
    ],
)
def test_a_value_has_one_decimal_text(value, expected):
    assert text(value) == expected


LADDERS = [(beta_ladder, (1.0, 2.0, 30.0)), (partial(g_ladder, beta=3.0), (0.2, 0.3, 1.5))]


@pytest.mark.parametrize(("ladder", "values"), LADDERS)
@pytest.mark.parametrize("N", [4, 64, 1000])
def test_a_ladder_keeps_the_visible_values_and_increases(ladder, values, N):
    made = ladder(values, N, 0.25)
    assert tuple(made.values[i] for i in made.visible) == values
    assert all(np.diff(made.values) > 0)


@pytest.mark.parametrize(("ladder", "values"), LADDERS)
def test_a_ladder_without_an_aim_has_no_intermediate_values(ladder, values):
    assert ladder(values, 64, None).values == values


def test_neighbouring_betas_exchange_with_the_aimed_probability():
    N, aim = 64, 0.25

    def acceptance(ratio, links):
        return math.erfc(math.log(ratio) / links * math.sqrt(N / 2) / 2)

    for last in (1.3, 2.0, 30.0):
        links = len(beta_ladder((1.0, last), N, aim).values) - 1
        assert acceptance(last, links) >= aim - 1e-9
        assert links == 1 or acceptance(last, links - 1) < aim, "no more intermediate columns than needed"


def test_neighbouring_g_are_closer_where_the_network_is_larger_colder_or_more_active():
    def columns(N=64, aim=0.25, beta=3.0, g=(0.2, 1.5)):
        return len(g_ladder(g, N, aim, beta).values)

    assert columns(N=256) > columns()
    assert columns(beta=100.0) > columns()
    assert columns(aim=0.5) > columns()
    assert columns(g=(0.9, 1.5)) > columns(g=(0.2, 0.8))


@pytest.mark.slow
@pytest.mark.parametrize(("N", "beta", "g"), [(64, 3.0, [0.5, 1.4]), (64, 30.0, [0.9, 1.2]), (200, 1.0, [0.6, 1.0])])
def test_neighbouring_g_exchange_as_aimed_at_the_smallest_beta(N, beta, g):
    aim = 0.3
    rates = [
        nsslib.simulate(
            N, g, [beta], seed=seed, exchange={"acceptance": aim}, steps=600, burn_in=200, progress=False,
            save={"observables": 10, "trajectories": 0},
        )["diagnostics/exchange_g"].values
        for seed in range(2)
    ]  # fmt: skip
    assert np.min(np.mean(rates, axis=0)) > aim - 0.05
    assert np.mean(rates) < aim + 0.25, "intermediate columns enough, and not many more"


def test_intermediate_values_are_canonical():
    made = beta_ladder((1.0, 30.0), 64, 0.25)
    assert all(float(f"{v:.12g}") == v for v in made.values)


def test_an_axis_that_does_not_exchange_has_no_intermediate_values(make_shard):
    wide = {"N": [64], "g": [0.1, 1.0], "beta": [1.0, 100.0]}
    lengths = {
        key: [len(ladder.values) for ladder in make_shard(**wide, sampler={"exchange": setting}).ladders]
        for key, setting in {
            "off": False,
            "plain": {"intermediate": False},
            "g": {"beta": False},
            "beta": {"g": False},
        }.items()
    }
    assert lengths["off"] == lengths["plain"] == [2, 2]
    assert lengths["g"][1] == lengths["beta"][0] == 2
    assert lengths["g"][0] > 2 and lengths["beta"][1] > 2


def test_columns_count_replicas_and_the_whole_ladder(make_shard):
    shard = make_shard(N=[64], sampler={"replicas": 3})
    g, beta = shard.ladders
    assert shard.columns() == (3 * len(g.values) * len(beta.values), 3 * 2 * 2)


def test_a_batch_is_the_same_in_another_process(make_shard):
    shard = make_shard(gamma=[0.3], sampler={"exchange": {"every": 3}}, model={"eta": 0.1})
    again = pickle.loads(pickle.dumps(Batch("seeds=0-0", (shard,))))
    assert again.shards == (shard,)
    assert again.shards[0].fingerprint == shard.fingerprint


OTHER = {
    "gamma": 0.1,
    "N": 9,
    "seed": 1,
    "g": (0.5, 1.0, 1.5),
    "beta": (2.0,),
    "observables": ("mine:kurtosis",),
    "model.phi": "erf",
    "model.eta": 0.1,
    "model.diagonal": "iid",
    "sampler.thermal_seed": 1,
    "sampler.integrator": "mala",
    "sampler.step_size": 0.1,
    "sampler.target_accept": 0.7,
    "sampler.n_leapfrog": 4,
    "sampler.precondition": False,
    "sampler.friction": 0.2,
    "sampler.burn_in": 61,
    "sampler.steps": 41,
    "sampler.replicas": 3,
    "sampler.exchange": None,
    "sampler.precision": "float32",
    "sampler.save": Save(observables=1),
    "sampler.stop_when": StopWhen(),
}


@pytest.mark.parametrize("field", OTHER)
def test_every_setting_changes_the_fingerprint(make_shard, field):
    shard = make_shard()
    section, _, key = field.rpartition(".")
    value = getattr(shard, section).model_copy(update={key: OTHER[field]}) if section else OTHER[field]
    assert dataclasses.replace(shard, **{section or key: value}).fingerprint != shard.fingerprint


def test_the_list_of_settings_above_is_complete():
    fields = {f.name for f in dataclasses.fields(Sampling)} - {"block", "model", "sampler"}
    fields |= {f"model.{k}" for k in Model.model_fields} | {f"sampler.{k}" for k in Sampler.model_fields}
    assert set(OTHER) == fields


def test_the_name_of_the_block_is_not_in_the_fingerprint(make_shard):
    shard = make_shard()
    assert dataclasses.replace(shard, block="renamed").fingerprint == shard.fingerprint


def test_paths_tell_what_they_hold(make_shard):
    shard = make_shard(gamma=[0.25], N=[64], seeds=[7])
    assert shard.path == "shards/main/gamma=0.25/N=64/seed=7.zarr"
    batch = Batch("seeds=0-7", (shard,))
    assert batch.name == "main/gamma=0.25/N=64/seeds=0-7"
    assert re.fullmatch(rf"manifests/{batch.name}\.[0-9a-f]{{12}}\.json", batch.manifest)
    assert shard.label == "main gamma=0.25 N=64 seed=7"


def test_the_name_of_a_manifest_depends_on_what_it_lists(make_shard):
    one, other, longer = make_shard(seeds=[0]), make_shard(seeds=[1]), make_shard({}, {"steps": 41}, seeds=[0])
    listed = [(one,), (other,), (one, other), (longer,)]
    assert len({Batch("seeds=0-7", members).manifest for members in listed}) == 4
    assert Batch("seeds=0-7", (one,)).manifest == Batch("seeds=0-7", (make_shard(seeds=[0]),)).manifest


def sweep(N, seeds, steps=2000):
    block = {"N": [N], "g": [0.5, 1.0], "beta": [2.0, 5.0], "seeds": seeds}
    return parse({"name": "test", "blocks": {"main": block}, "sampler": {"steps": steps}})


def test_free_energies_start_from_the_first_cell_that_most_shards_have():
    block = {"N": [8, 16], "beta": [2.0, 5.0], "seeds": 4}
    blocks = {"edge": block | {"g": [0.5], "seeds": 2}, "main": block | {"g": [0.9, 1.0], "gamma": [0.0, 0.5]}}
    config = parse({"name": "test", "blocks": blocks | {"large": block | {"N": [32], "g": [1.0, 1.1]}}})
    assert reference_point(config, 0.0) == (1.0, 2.0)
    assert reference_point(config, 0.5) == (0.9, 2.0)


def test_small_shards_share_a_job_and_large_ones_have_their_own():
    assert [len(b.shards) for b in batches(sweep(8, 70))] == [64, 6]
    assert [len(b.shards) for b in batches(sweep(4096, 3))] == [1, 1, 1]


def test_a_batch_is_named_by_the_seeds_it_may_hold():
    assert [b.label for b in batches(sweep(8, [3, 64]))] == ["seeds=0-63", "seeds=64-127"]


def test_shards_hold_the_whole_grid_of_their_block():
    for shard in shards(sweep(8, 2)):
        assert (shard.g, shard.beta) == ((0.5, 1.0), (2.0, 5.0))
