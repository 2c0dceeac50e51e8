"""The stages of a sweep, named as the files of rules in workflow/rules.

Snakemake, Dask and notebooks call the same functions.
"""
