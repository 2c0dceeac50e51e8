"""Adapter: record the config beside the results."""

from pathlib import Path

from nsslib.configfile import parse
from nsslib.progress import logged
from nsslib.stages import record_config

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        record_config(parse(snakemake.config), Path(snakemake.output[0]).parent)
