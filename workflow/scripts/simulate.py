"""Adapter: sample the shards of one batch, with progress in the terminal and in the log."""

import sys
from pathlib import Path

from nsslib.grid import Batch, Shard
from nsslib.progress import Reporter, logged
from nsslib.stages import run_batch

if __name__ == "__main__":
    batch = Batch(Path(snakemake.params.batch).name, tuple(Shard.of(s) for s in snakemake.params.settings))
    with logged(snakemake.log[0]) as log, Reporter(sys.stderr, log) as reporter:
        run_batch(batch, Path("results") / snakemake.config["name"], reporter)
