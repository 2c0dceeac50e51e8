"""What is computed on realisations: one job a batch of shards."""


rule compute:
    """Compute the shards of a batch. Stores and checkpoints are written beside the declared
    manifest, so that neither a failure nor a rerun deletes them; valid stores are kept as they are.
    """
    output:
        f"{RESULTS}/manifests/{{batch}}.json",
    log:
        f"{LOGS}/compute/{{batch}}.log",
    benchmark:
        f"{LOGS}/compute/{{batch}}.tsv"
    conda:
        "../envs/nsslib.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: job_megabytes(batch_of(wildcards), attempt),
        runtime=lambda wildcards, attempt: job_minutes(batch_of(wildcards), attempt),
    params:
        results=results,
        batch=batch_of,
    message:
        "Computing {wildcards.batch}"
    script:
        "../scripts/compute.py"
