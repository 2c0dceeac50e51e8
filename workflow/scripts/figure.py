"""Adapter: draw one figure."""

from pathlib import Path

from nsslib.configfile import parse
from nsslib.draw import draw
from nsslib.progress import logged

if __name__ == "__main__":
    with logged(snakemake.log[0]):
        draw(parse(snakemake.config), Path("results") / snakemake.config["name"], snakemake.wildcards.figure)
