"""What many tests share: a factory of small shards, and one tiny sweep run from end to end."""

import pytest
from hypothesis import settings

from nsslib import run_sweep
from nsslib.config.files import parse
from nsslib.grid.task import shards

settings.register_profile("nsslib", max_examples=50, deadline=None, derandomize=True, database=None)
settings.load_profile("nsslib")


@pytest.fixture(scope="session")
def make_shard():
    """``make_shard(model={...}, sampler={...}, **block)``: the only shard of a small config."""

    def make(model=None, sampler=None, **block):
        data = {
            "name": "test",
            "model": model or {},
            "blocks": {"main": {"N": [8], "g": [0.5, 1.0], "beta": [2.0, 5.0], "seeds": 1} | block},
            "sampler": {"burn_in": 60, "steps": 40, "n_leapfrog": 3} | (sampler or {}),
        }
        (shard,) = shards(parse(data))
        return shard

    return make


@pytest.fixture(scope="session")
def tiny_sweep(tmp_path_factory):
    """A finished sweep: (config, directory of its results)."""
    config = parse(
        {
            "name": "tiny",
            "blocks": {"main": {"N": [4, 8], "g": [0.5, 1.0], "beta": [2.0, 5.0], "seeds": 2}},
            "sampler": {
                "burn_in": 60,
                "steps": 160,
                "n_leapfrog": 3,
                "save": {"observables": 2, "trajectories": 20},
            },
        }
    )
    return config, run_sweep(config, directory=tmp_path_factory.mktemp("sweep"))
