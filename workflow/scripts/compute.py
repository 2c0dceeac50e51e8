"""Adapter: compute the shards of one batch, with progress in the terminal and in the log."""

import sys
from pathlib import Path

from nsslib.executors.deadline import time_limit
from nsslib.monitor.progress import Reporter, logged
from nsslib.stages.compute import run_batch

if __name__ == "__main__":
    with logged(snakemake.log[0]) as log, Reporter(sys.stderr, log) as reporter:
        run_batch(snakemake.params.batch, Path(snakemake.params.results), reporter, time_limit())
