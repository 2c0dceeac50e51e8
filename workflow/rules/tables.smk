"""Tables: order parameters, replica theory, finite-size fits."""


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
        stage="reduce_sweep",
    message:
        "Reducing the shards to order parameters"
    script:
        "../scripts/table.py"


rule theory:
    """Replica values on the grid of the sweep, with their stability."""
    output:
        directory(f"{RESULTS}/theory.zarr"),
        THEORY_RECORD,
    log:
        f"{LOGS}/theory.log",
    conda:
        "../envs/nsslib.yaml"
    params:
        stage="theory_sweep",
    message:
        "Solving the replica equations"
    script:
        "../scripts/table.py"


rule fit:
    """Extrapolation in 1/N and distance from the replica values."""
    input:
        rules.reduce.output,
        rules.theory.output[0],
    output:
        directory(f"{RESULTS}/fits.zarr"),
    log:
        f"{LOGS}/fit.log",
    conda:
        "../envs/nsslib.yaml"
    params:
        stage="fit_sweep",
    message:
        "Extrapolating to N = infinity"
    script:
        "../scripts/table.py"


rule overview:
    """Verdicts on theory and what converged: the first page of the report."""
    input:
        rules.reduce.output,
        rules.fit.output,
    output:
        f"{RESULTS}/overview.rst",
    log:
        f"{LOGS}/overview.log",
    conda:
        "../envs/nsslib.yaml"
    params:
        stage="overview_sweep",
    message:
        "Writing the overview"
    script:
        "../scripts/table.py"
