"""Random numbers depend on the realisation, the thermal seed, and the point and replica that a chain starts from."""

import numpy as np
import pytest

import nsslib
from nsslib.sampling.ensemble import Ensemble

SETTINGS = {"burn_in": 60, "steps": 40, "n_leapfrog": 3, "progress": False}


def q(g, **settings):
    """Series of q, (draw, replica, g, beta), at g = 0.8 and 1.2."""
    shard = nsslib.simulate(16, g, [3.0, 9.0], gamma=0.2, seed=5, **SETTINGS | settings)
    return shard["observables/q"].sel(g=[0.8, 1.2]).values


@pytest.mark.parametrize("exchange", [False, {"g": False}], ids=["none", "in beta"])
def test_another_coupling_strength_in_the_grid_changes_no_number_of_the_others(exchange):
    few, many = ([0.8, 1.2], [0.3, 0.8, 1.0, 1.1, 1.2])
    np.testing.assert_array_equal(q(few, exchange=exchange), q(many, exchange=exchange))


def test_exchange_in_g_makes_points_depend_on_each_other():
    assert not np.array_equal(q([0.8, 1.2], exchange=True), q([0.8, 1.0, 1.2], exchange=True))


def test_another_thermal_seed_is_an_independent_repeat_on_the_same_couplings(make_shard):
    first, again = (Ensemble(make_shard(N=[64], sampler={"thermal_seed": seed})) for seed in (0, 1))
    np.testing.assert_array_equal(first.J0, again.J0)
    hot = [ensemble.backend.state()[0][ensemble.replica(ensemble.cell) == 1].ravel() for ensemble in (first, again)]
    assert not np.isin(*hot).any()
    assert abs(np.corrcoef(*hot)[0, 1]) < 4.0 / np.sqrt(hot[0].size)


@pytest.mark.parametrize("other", [{"gamma": [0.5]}, {"seeds": [3]}, {"model": {"diagonal": "iid"}}], ids=str)
def test_another_realisation_has_other_numbers(make_shard, other):
    first, another = Ensemble(make_shard()), Ensemble(make_shard(**other))
    assert not np.array_equal(first.key, another.key)


def test_no_two_chains_share_their_numbers(make_shard):
    names = Ensemble(make_shard(beta=[1.0, 100.0], sampler={"replicas": 8})).names
    assert len(np.unique(names, axis=0)) == len(names)
