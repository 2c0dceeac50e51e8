"""Adapter: draw one figure."""

from pathlib import Path

from nsslib.config.files import parse
from nsslib.monitor.progress import logged
from nsslib.stages.report import draw_figure

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        draw_figure(parse(snakemake.config), Path(snakemake.params.results), snakemake.wildcards.figure)
