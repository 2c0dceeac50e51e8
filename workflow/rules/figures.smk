"""Figures, collected into one page by `snakemake --report`."""


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
        config=dump(SWEEP),
        caption=caption_of,
    message:
        "Drawing {wildcards.figure}"
    script:
        "../scripts/figure.py"
