"""Figures, collected into one page by `snakemake --report`."""


def caption_of(wildcards) -> str:
    """Caption of a figure, for the report."""
    return CAPTIONS[FIGURES[wildcards.figure]]


rule figure:
    """Draw one figure as SVG and PNG."""
    input:
        manifests,
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
    params:
        config=dump(SWEEP),
        results=RESULTS,
        caption=caption_of,
    message:
        "Drawing {wildcards.figure}"
    script:
        "../scripts/figure.py"
