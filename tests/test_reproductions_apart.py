"""Reproductions of published work use the library; neither the library nor its tests know of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def imported(file):
    """Names of the modules that a file imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("folder", ["nsslib", "tests", "workflow", "snakemake_executor_plugin_dask"])
def test_nothing_imports_the_reproductions(folder):
    modules = {file: set(imported(file)) for file in (ROOT / folder).rglob("*.py")}
    assert any(modules.values())
    assert [
        file.name for file, names in modules.items() if any(n.split(".")[0] == "reproductions" for n in names)
    ] == []
