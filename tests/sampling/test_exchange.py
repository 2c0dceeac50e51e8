"""Exchange permutes labels, with the energies of the model and the probability of Metropolis."""

import numpy as np
import pytest

from nsslib.config.schema import Exchange
from nsslib.model import quasipotential
from nsslib.sampling import exchange
from nsslib.sampling.ensemble import Ensemble
from nsslib.sampling.exchange import BETA, Exchanger, G

ETA = 0.1


@pytest.fixture
def ensemble(make_shard):
    """Random states in 2 replicas, 3 g and 4 beta."""
    made = Ensemble(
        make_shard(
            g=[0.5, 0.8, 1.2],
            beta=[2.0, 3.0, 4.0, 5.0],
            model={"eta": ETA},
            sampler={"exchange": {"intermediate": False}},
        )
    )
    made.backend.load(np.random.default_rng(0).normal(size=(len(made.cell), made.units)))
    return made


def rounds(ensemble, count, **settings):
    exchanger = Exchanger.of(Exchange(**settings), ensemble)
    for t in range(count):
        exchanger.round(ensemble, t)
    return exchanger


def test_labels_stay_permutations_and_inverses_of_each_other(ensemble):
    rounds(ensemble, 50)
    everyone = np.arange(len(ensemble.cell))
    assert not np.array_equal(ensemble.cell, everyone), "something was exchanged"
    np.testing.assert_array_equal(np.sort(ensemble.cell), everyone)
    np.testing.assert_array_equal(ensemble.walker[ensemble.cell], everyone)


def test_replicas_never_exchange_with_each_other(ensemble):
    rounds(ensemble, 50)
    half = len(ensemble.cell) // 2
    assert ensemble.cell[:half].max() < half <= ensemble.cell[half:].min()


def test_states_stay_where_they_are(ensemble):
    before = ensemble.backend.state()[0]
    rounds(ensemble, 5)
    np.testing.assert_array_equal(ensemble.backend.state()[0], before)


def test_forces_follow_the_new_labels(ensemble):
    rounds(ensemble, 50)
    chains, (X, _) = ensemble.backend.chains, ensemble.backend.state()
    followed = chains.G.copy()
    ensemble.backend.load(X)
    np.testing.assert_array_equal(followed, chains.G)


def test_equal_neighbours_always_exchange(ensemble):
    ensemble.cell_g, ensemble.cell_beta = np.full_like(ensemble.cell_g, 1.0), np.full_like(ensemble.cell_beta, 3.0)
    exchanger = rounds(ensemble, 20)
    for axis in (BETA, G):
        np.testing.assert_array_equal(exchanger.rates(axis), 1.0)


def test_the_ratio_is_made_of_the_energies_of_the_model(ensemble):
    (x, _), J0 = ensemble.backend.state(), ensemble.J0
    a, b, ga, gb, beta_a, beta_b = 1, 4, 0.5, 0.8, 2.0, 5.0

    def E(row, g):
        return quasipotential.energy(x[row], g * J0, eta=ETA)

    expected = beta_a * (E(a, ga) - E(b, ga)) + beta_b * (E(b, gb) - E(a, gb))
    sums = ensemble.backend.sums()
    there = exchange._work(sums, a, ga, beta_a, gb, beta_b, ETA)
    back = exchange._work(sums, b, gb, beta_b, ga, beta_a, ETA)
    assert -(there + back) == pytest.approx(expected, rel=1e-12)


def test_two_cells_exchange_with_the_probability_of_metropolis(make_shard):
    """One pair of frozen states, attempted over and over from the same labels."""
    ensemble = Ensemble(
        make_shard(g=[1.0, 1.1], beta=[2.0, 3.0], sampler={"exchange": {"intermediate": False, "g": False}})
    )
    ensemble.backend.load(0.3 * np.random.default_rng(1).normal(size=(len(ensemble.cell), ensemble.units)))
    J0, (x, _) = ensemble.J0, ensemble.backend.state()
    E = np.array([quasipotential.energy(x[c], g * J0) for c, g in enumerate(ensemble.cell_g)])
    expected = np.minimum(1.0, np.exp((3.0 - 2.0) * (E[1::2] - E[::2])))
    exchanger = Exchanger.of(Exchange(g=False), ensemble)
    count = 4000
    for t in range(0, 2 * count, 2):
        ensemble.cell[:] = ensemble.walker[:] = np.arange(len(ensemble.cell))
        exchanger.round(ensemble, t)
    found = exchanger.accepted[BETA][..., 0].ravel() / count
    assert np.any(expected < 0.95)
    np.testing.assert_allclose(found, expected, atol=4 * 0.5 / np.sqrt(count))


def test_rates_have_one_entry_a_link(ensemble):
    exchanger = rounds(ensemble, 40)
    assert exchanger.rates(BETA).shape == (3, 3)
    assert exchanger.rates(G).shape == (2, 4)
    for axis in (BETA, G):
        assert np.all((exchanger.rates(axis) >= 0) & (exchanger.rates(axis) <= 1))


def test_an_axis_that_is_switched_off_is_left_alone(ensemble):
    exchanger = rounds(ensemble, 40, g=False)
    np.testing.assert_array_equal(ensemble.cell_g[ensemble.cell], ensemble.cell_g)
    assert np.isnan(exchanger.rates(G)).all()


def test_an_axis_of_one_value_has_no_links(make_shard):
    ensemble = Ensemble(make_shard(g=[1.0]))
    assert rounds(ensemble, 4).rates(G).shape == (0, ensemble.shape[2])


def test_rounds_are_due_every_so_many_steps(ensemble):
    assert rounds(ensemble, 9, every=3).attempts.sum() == 2 * 3


def test_even_and_odd_links_take_turns(ensemble):
    np.testing.assert_array_equal(rounds(ensemble, 10).attempts, 5)


def test_a_chain_that_went_up_and_down_made_one_round_trip(ensemble):
    exchanger = Exchanger.of(Exchange(), ensemble)
    home = ensemble.cell.copy()
    for axis, stride, last in ((BETA, 1, 3), (G, 4, 2)):
        for position in (*range(last + 1), *range(last - 1, -1, -1), 1, 0):
            ensemble.cell[:] = home
            ensemble.cell[0] = position * stride
            exchange._flow(axis, ensemble.shape, ensemble.cell, exchanger.end, exchanger.trips)
        assert exchanger.trips[axis, 0] == 1


def test_a_reset_forgets_the_counts(ensemble):
    exchanger = rounds(ensemble, 10)
    exchanger.reset()
    assert not (exchanger.attempts.any() or exchanger.accepted.any() or exchanger.trips.any() or exchanger.end.any())


def test_a_step_that_nothing_passes_is_named_with_the_remedy(ensemble):
    exchanger = rounds(ensemble, 40)
    values = (0.5, 0.8, 1.2), (2.0, 3.0, 4.0, 5.0)
    exchanger.accepted[BETA] = exchanger.accepted[G] = 20
    assert exchanger.bottlenecks(*values) == []
    exchanger.accepted[BETA, :, :, 1] = 0
    exchanger.accepted[G, :, 1, 0] = 0
    (sentence,) = exchanger.bottlenecks(*values)
    assert sentence.startswith("bottleneck between beta=3 and beta=4: at best 0.0 %")
    assert "sampler.exchange.acceptance" in sentence


def test_an_axis_without_exchange_is_no_bottleneck(ensemble):
    assert rounds(ensemble, 40, g=False, beta=False).bottlenecks((0.5, 0.8, 1.2), (2.0, 3.0, 4.0, 5.0)) == []
