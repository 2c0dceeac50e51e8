"""Replica theory on the grid of the sweep."""


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
        results=results,
    message:
        "Solving the replica equations"
    script:
        "../scripts/theory.py"
