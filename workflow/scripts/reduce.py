"""Adapter: reduce all shards."""

from pathlib import Path

from nsslib.config.files import parse
from nsslib.monitor.progress import logged
from nsslib.stages.reduce import reduce_sweep

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        reduce_sweep(parse(snakemake.config), Path(snakemake.params.results))
