"""The sweep, started from here; it is workflow/Snakefile."""


include: "workflow/Snakefile"


localrules:
    sweep,


rule sweep:
    """All results; an included file cannot name what is made by default."""
    default_target: True
    input:
        rules.all.input,
