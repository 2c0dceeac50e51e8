"""The validated config of this run, and the names that rules ask for.

Only light parts of nsslib are imported here: every job of a run parses this file again.
"""

from pathlib import Path

from snakemake.exceptions import WorkflowError

from nsslib.config import Config
from nsslib.configfile import dump, load
from nsslib.configfile import parse as parse_config
from nsslib.cost import job_megabytes, job_minutes, reduce_megabytes, reduce_minutes
from nsslib.errors import UserError
from nsslib.figures import CAPTIONS, figures
from nsslib.grid import Batch, batches, config_record, theory_record


def validated() -> Config:
    """Config files as given, then what --config changed; mistakes end the run before it starts."""
    try:
        for path in workflow.configfiles:
            load(path)
        return (
            parse_config(config)
            if config
            else load(Path(workflow.basedir) / "config" / "default.yaml")
        )
    except UserError as error:
        raise WorkflowError(f"invalid config\n{error}")


SWEEP = validated()
# Scripts see the whole config, defaults included.
config.update(dump(SWEEP))
RESULTS = f"results/{SWEEP.name}"
LOGS = f"logs/{SWEEP.name}"
# Outputs whose names hang on the config, so that a change of it is seen without the records of Snakemake.
CONFIG_RECORD = f"{RESULTS}/{config_record(SWEEP)}"
THEORY_RECORD = f"{RESULTS}/{theory_record(SWEEP)}"
BATCHES = {batch.manifest: batch for batch in batches(SWEEP)}
FIGURES = figures(SWEEP)


def manifests(wildcards=None) -> list[str]:
    """Manifests of all batches."""
    return [f"{RESULTS}/{manifest}" for manifest in BATCHES]


def tables(wildcards=None) -> list[str]:
    """The tables of the sweep."""
    return [f"{RESULTS}/{kind}.zarr" for kind in ("order_parameters", "theory", "fits")]


def figure_files(wildcards=None) -> list[str]:
    """All figures, in both formats."""
    return [
        f"{RESULTS}/figures/{name}.{suffix}"
        for name in FIGURES
        for suffix in ("svg", "png")
    ]


def batch_of(wildcards) -> Batch:
    """The batch of a job."""
    return BATCHES[f"manifests/{wildcards.batch}.json"]


def batch_settings(wildcards) -> list[dict]:
    """Everything the numbers of a batch depend on."""
    return [
        {"block": shard.block} | shard.settings()
        for shard in batch_of(wildcards).shards
    ]


def caption_of(wildcards) -> str:
    """Caption of a figure, for the report."""
    return CAPTIONS[FIGURES[wildcards.figure]]
