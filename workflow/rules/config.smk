"""The config beside the results."""


rule record_config:
    """Record the config beside the results; before all other jobs, because nss status reads it."""
    output:
        f"{RESULTS}/config.json",
        CONFIG_RECORD,
    log:
        f"{LOGS}/config.log",
    priority: 1
    conda:
        "../envs/nsslib.yaml"
    params:
        results=results,
    message:
        "Recording the config"
    script:
        "../scripts/config.py"
