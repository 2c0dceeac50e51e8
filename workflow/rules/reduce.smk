"""Order parameters of all shards."""


rule reduce:
    """Order parameters with errors on two levels, from all shards, one at a time."""
    input:
        CONFIG_RECORD,
        manifests,
    output:
        directory(f"{RESULTS}/order_parameters.zarr"),
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
        "Reducing the shards to order parameters"
    script:
        "../scripts/reduce.py"
