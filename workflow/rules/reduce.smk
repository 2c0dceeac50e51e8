"""Tables of all shards."""


rule reduce:
    """A table for every task, with errors on two levels, from all shards, one at a time."""
    input:
        CONFIG_RECORD,
        manifests,
    output:
        [directory(table) for table in REDUCED],
    log:
        f"{LOGS}/reduce.log",
    conda:
        "../envs/nsslib.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: reduce_megabytes(SWEEP, attempt),
        runtime=lambda wildcards, attempt: reduce_minutes(SWEEP, attempt),
    params:
        results=results,
    message:
        "Reducing the shards to tables"
    script:
        "../scripts/reduce.py"
