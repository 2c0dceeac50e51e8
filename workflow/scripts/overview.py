"""Adapter: write the first page of the report."""

from pathlib import Path

from nsslib.config.files import parse
from nsslib.monitor.progress import logged
from nsslib.stages.report import overview_sweep

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        overview_sweep(parse(snakemake.config), Path(snakemake.params.results))
