"""However a sweep is cut, each cell is sampled once, and nothing moves when it grows."""

from itertools import product

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from nsslib.config.files import dump, load, parse, render
from nsslib.config.schema import NAME
from nsslib.grid.batch import batches
from nsslib.grid.ladder import beta_ladder, g_ladder

names = st.from_regex(NAME, fullmatch=True)


def increasing(low, high, most=4):
    """Strictly increasing lists of floats as a user would write them."""
    values = st.floats(low, high, allow_subnormal=False).map(lambda v: float(f"{v:.6g}"))
    return st.lists(values, min_size=1, max_size=most, unique=True).map(sorted)


def block(index):
    """Blocks of different index share no N, hence no cell."""
    sizes = st.lists(st.integers(4, 400), min_size=1, max_size=3, unique=True)
    return st.fixed_dictionaries(
        {
            "gamma": increasing(-1.0, 1.0, 3),
            "N": sizes.map(lambda N: sorted(1000 * index + n for n in N)),
            "g": increasing(0.0, 2.0),
            "beta": increasing(0.5, 1e4),
            "seeds": st.integers(1, 5) | st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=8, unique=True),
        }
    )


def blocks(most=3):
    return st.lists(names, min_size=1, max_size=most, unique=True).flatmap(
        lambda found: st.fixed_dictionaries({name: block(i) for i, name in enumerate(found)})
    )


samplers = st.fixed_dictionaries(
    {},
    optional={
        "integrator": st.sampled_from(["hmc", "mala", "ghmc", "euler-maruyama"]),
        "step_size": st.just("auto") | st.floats(1e-8, 100.0),
        "friction": st.floats(1e-8, 100.0),
        "replicas": st.integers(2, 6),
        "steps": st.integers(100, 10**6),
        "precision": st.sampled_from(["float64", "float32"]),
        "exchange": st.booleans()
        | st.fixed_dictionaries({}, optional={"acceptance": st.floats(0.01, 0.9), "intermediate": st.booleans()}),
    },
)
configs = st.fixed_dictionaries({"name": names, "blocks": blocks(), "sampler": samplers})


@given(configs)
def test_jobs_hold_every_shard_exactly_once(data):
    config = parse(data)
    found = [(s.block, s.gamma, s.N, s.seed, s.g, s.beta) for batch in batches(config) for s in batch.shards]
    expected = [
        (name, *cell, tuple(block.g), tuple(block.beta))
        for name, block in config.blocks.items()
        for cell in product(block.gamma, block.N, block.seeds)
    ]
    assert sorted(found) == sorted(expected)


@given(configs)
def test_jobs_and_stores_have_places_of_their_own(data):
    jobs = batches(parse(data))
    stores = [shard.path for batch in jobs for shard in batch.shards]
    assert len({batch.manifest for batch in jobs}) == len(jobs)
    assert len(set(stores)) == len(stores)


@given(configs, st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5))
def test_new_seeds_move_no_shard_to_another_job(data, more):
    def jobs(config):
        return {shard: batch.name for batch in batches(config) for shard in batch.shards}

    config = parse(data)
    grown = dump(config)
    for member in grown["blocks"].values():
        member["seeds"] = list(dict.fromkeys(member["seeds"] + more))
    before, after = jobs(config), jobs(parse(grown))
    assert before.items() <= after.items()


@given(increasing(0.5, 1e4, 5), st.integers(1, 4096), st.none() | st.floats(0.05, 0.95))
def test_a_beta_ladder_contains_the_grid_in_order(beta, N, acceptance):
    contains_in_order(beta_ladder(tuple(beta), N, acceptance), beta)


@given(increasing(0.0, 2.0, 5), st.integers(1, 4096), st.none() | st.floats(0.05, 0.95))
def test_a_g_ladder_contains_the_grid_in_order(g, N, acceptance):
    contains_in_order(g_ladder(tuple(g), N, acceptance, 3.0), g)


def contains_in_order(ladder, values):
    assert [ladder.values[i] for i in ladder.visible] == values
    assert all(a < b for a, b in zip(ladder.values, ladder.values[1:], strict=False))


@given(configs)
def test_a_config_survives_dump_and_parse(data):
    config = parse(data)
    assert parse(dump(config)) == config


@settings(max_examples=25, phases=(Phase.explicit, Phase.generate))  # shrinking would write many files
@given(data=configs)
def test_a_config_survives_render_and_load(tmp_path_factory, data):
    config = parse(data)
    path = tmp_path_factory.mktemp("rendered") / "config.yaml"
    path.write_text(render(config), encoding="utf-8")
    assert load(path) == config
