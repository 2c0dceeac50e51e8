"""Adapter: solve the replica equations."""

from pathlib import Path

from nsslib.config.files import parse
from nsslib.monitor.progress import logged
from nsslib.stages.theory import theory_sweep

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        theory_sweep(parse(snakemake.config), Path(snakemake.params.results))
