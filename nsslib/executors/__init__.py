"""Where batches run beside Snakemake: Dask workers, and the time limit of a scheduler."""
