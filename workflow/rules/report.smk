"""Overview and figures, collected into one page by `snakemake --report`."""


rule overview:
    """Verdicts on theory and what converged: the first page of the report."""
    input:
        f"{RESULTS}/order_parameters.zarr",
        rules.fit.output,
    output:
        f"{RESULTS}/overview.rst",
    log:
        f"{LOGS}/overview.log",
    conda:
        "../envs/nsslib.yaml"
    params:
        results=results,
    message:
        "Writing the overview"
    script:
        "../scripts/overview.py"


rule figure:
    """Draw one figure as SVG and PNG."""
    input:
        tables,
    output:
        svg=report(
            f"{RESULTS}/figures/{{figure}}.svg",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        png=f"{RESULTS}/figures/{{figure}}.png",
    log:
        f"{LOGS}/figures/{{figure}}.log",
    conda:
        "../envs/nsslib.yaml"
    params:
        results=results,
        config=dump(SWEEP),
        caption=caption_of,
    message:
        "Drawing {wildcards.figure}"
    script:
        "../scripts/figure.py"
