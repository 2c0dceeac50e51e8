"""Adapter: make one table of the sweep."""

from pathlib import Path

from nsslib import tables
from nsslib.configfile import parse
from nsslib.progress import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        stage = getattr(tables, snakemake.params.stage)
        stage(parse(snakemake.config), Path(snakemake.output[0]).parent)
