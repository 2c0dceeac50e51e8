"""Sweep: config -> simulate -> reduce -> theory -> fit -> figures. Rules live in workflow/rules."""

from snakemake.utils import min_version

min_version("9.20")


include: "workflow/rules/common.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"


report: "workflow/report/overview.rst"


wildcard_constraints:
    name=r"[A-Za-z0-9_-]+",


localrules:
    all,
    record_config,


rule all:
    default_target: True
    input:
        f"{RESULTS}/config.json",
        CONFIG_RECORD,
        THEORY_RECORD,
        manifests(),
        tables(),
        f"{RESULTS}/overview.rst",
        figure_files(),
