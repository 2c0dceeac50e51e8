"""Adapter: record the config beside the results."""

from pathlib import Path

from nsslib.config.files import parse
from nsslib.monitor.progress import logged
from nsslib.stages.config import record_config

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        record_config(parse(snakemake.config), Path(snakemake.params.results))
