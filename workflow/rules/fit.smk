"""Finite-size fits and the comparison with theory."""


rule fit:
    """Extrapolation in 1/N and distance from the replica values."""
    input:
        f"{RESULTS}/order_parameters.zarr",
        rules.theory.output[0],
    output:
        directory(f"{RESULTS}/fits.zarr"),
    log:
        f"{LOGS}/fit.log",
    conda:
        "../envs/nsslib.yaml"
    params:
        results=results,
    message:
        "Extrapolating to N = infinity"
    script:
        "../scripts/fit.py"
