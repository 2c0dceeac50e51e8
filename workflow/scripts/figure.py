"""Adapter: draw one figure."""

from pathlib import Path

from nsslib.config.files import parse
from nsslib.monitor.progress import logged
from nsslib.report.draw import draw

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        draw(parse(snakemake.config), Path(snakemake.params.results), snakemake.wildcards.figure)
