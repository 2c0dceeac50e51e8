"""Adapter: fit sizes and compare with theory."""

from pathlib import Path

from nsslib.config.files import parse
from nsslib.monitor.progress import logged
from nsslib.stages.fit import fit_sweep

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        fit_sweep(parse(snakemake.config), Path(snakemake.params.results))
