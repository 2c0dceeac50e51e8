"""The validated config of this run, and the names that rules ask for.

Only light parts of nsslib are imported here: every job of a run parses this file again.
"""

from snakemake.exceptions import WorkflowError

from nsslib.config.files import dump, read
from nsslib.config.files import parse as parse_config
from nsslib.config.schema import DEMO, Config
from nsslib.errors import UserError
from nsslib.grid.batch import Batch, batches
from nsslib.grid.cost import (
    job_megabytes,
    job_minutes,
    reduce_megabytes,
    reduce_minutes,
)
from nsslib.grid.results import config_record, samples, theory_record
from nsslib.grid.results import tables as reduced_tables
from nsslib.grid.task import shards
from nsslib.report.catalogue import figures


def validated() -> Config:
    """The config files merged, later ones override earlier ones, then --config; mistakes end the run before it starts."""
    try:
        for path in workflow.configfiles:
            read(path)
        sweep = parse_config(config) if config else DEMO
        next(shards(sweep))
        return sweep
    except UserError as error:
        raise WorkflowError(f"invalid config\n{error}")


SWEEP = validated()
# Scripts see the whole config, defaults included.
config.update(dump(SWEEP))
RESULTS = f"results/{SWEEP.name}"
LOGS = f"logs/{SWEEP.name}"
# Their names contain a hash of the config: after a change they are missing, even without the records of Snakemake.
CONFIG_RECORD = f"{RESULTS}/{config_record(SWEEP)}"
BATCHES = {f"{RESULTS}/{batch.manifest}": batch for batch in batches(SWEEP)}
REDUCED = [f"{RESULTS}/{table}.zarr" for table in reduced_tables(SWEEP)]
# Only what is sampled has a theory, fits and figures.
SAMPLES = samples(SWEEP)
if SAMPLES:
    THEORY_RECORD = f"{RESULTS}/{theory_record(SWEEP)}"
    FIGURES = figures(SWEEP)


def results(wildcards) -> str:
    """Directory of the results."""
    return RESULTS


def manifests(wildcards=None) -> list[str]:
    """Manifests of all batches."""
    return list(BATCHES)


def batch_of(wildcards) -> Batch:
    """The batch of a job."""
    return BATCHES[f"{RESULTS}/manifests/{wildcards.batch}.json"]


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


def caption_of(wildcards) -> str:
    """Caption of a figure, for the report."""
    return FIGURES[wildcards.figure].caption
