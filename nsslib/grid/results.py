"""What lies in the directory of a sweep, by its config: tables, and the marker files of config and theory."""

from __future__ import annotations

from nsslib.config.schema import Config
from nsslib.grid.identity import named
from nsslib.grid.task import axes, tasks


def tables(config: Config) -> list[str]:
    """Names of the tables that shards are reduced to."""
    return [task.table for task in tasks(config)]


def samples(config: Config) -> bool:
    """Whether the sweep samples: then there are theory, fits and figures."""
    return "order_parameters" in tables(config)


def config_record(config: Config) -> str:
    """Marker file that the config beside the results is this one."""
    return named("config", config.model_dump(mode="json"))


def theory_record(config: Config) -> str:
    """Marker file that the theory table is that of this grid."""
    union = axes(config)
    return named("theory", [config.model.model_dump(mode="json"), *(union[axis] for axis in ("gamma", "g", "beta"))])
