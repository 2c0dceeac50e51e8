"""Versions that results carry.

``KERNEL_VERSION`` changes when the same configuration gives other numbers: stores of another
kernel version are computed again, and Snakemake reruns what used it.
``STORE_VERSION`` changes when the layout of a store changes.
"""

__version__ = "0.1.0"
KERNEL_VERSION = "3"
STORE_VERSION = "1"
