"""Compiled code is kept under a name that depends on every source it is made of."""

import shutil

import pytest

from nsslib.kernels import cache


def test_every_module_that_compiles_is_a_source():
    compiled = {path for path in cache.PACKAGE.rglob("*.py") if "import njit" in path.read_text(encoding="utf-8")}
    assert compiled and compiled <= set(cache.sources())


@pytest.mark.parametrize("source", cache.sources(), ids=lambda path: path.relative_to(cache.PACKAGE).as_posix())
def test_touching_any_source_changes_the_key(source, tmp_path):
    package = tmp_path / "nsslib"
    for folder in ("kernels", "sampling", "theory"):
        shutil.copytree(cache.PACKAGE / folder, package / folder, ignore=shutil.ignore_patterns("__pycache__"))
    assert cache.key(package) == cache.key()
    copy = package / source.relative_to(cache.PACKAGE)
    copy.write_bytes(copy.read_bytes() + b"\n")
    assert cache.key(package) != cache.key()
