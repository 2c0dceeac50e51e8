"""Sampling: one job a batch of shards."""


rule record_config:
    """Record the config beside the results; first of all, for nss status reads it."""
    output:
        f"{RESULTS}/config.json",
        CONFIG_RECORD,
    log:
        f"{LOGS}/config.log",
    priority: 1
    conda:
        "../envs/nsslib.yaml"
    message:
        "Recording the config"
    script:
        "../scripts/record_config.py"


rule simulate:
    """Sample the shards of a batch. Stores and checkpoints lie beside the declared manifest,
    so that neither a failure nor a rerun deletes them; sound stores are kept as they are.
    """
    output:
        f"{RESULTS}/manifests/{{batch}}.json",
    log:
        f"{LOGS}/simulate/{{batch}}.log",
    benchmark:
        f"{LOGS}/simulate/{{batch}}.tsv"
    conda:
        "../envs/nsslib.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: job_megabytes(batch_of(wildcards), attempt),
        runtime=lambda wildcards, attempt: job_minutes(batch_of(wildcards), attempt),
    params:
        settings=batch_settings,
        batch=lambda wildcards: batch_of(wildcards).name,
    message:
        "Sampling {params.batch}"
    script:
        "../scripts/simulate.py"
