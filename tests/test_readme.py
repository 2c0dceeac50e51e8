"""What README and docs say can be run is run."""

import re
import shlex
import sys
from functools import partial
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import nsslib
from nsslib.cli import app
from nsslib.config.files import parse

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO = {
    "name": "demo",
    "blocks": {"main": {"N": [4, 6, 8], "g": [0.8, 1.2], "beta": [3.0, 10.0], "seeds": 2}},
    "sampler": {"burn_in": 60, "steps": 40},
}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def demo(tmp_path_factory, undrawn_sweep):
    """Results of a small demo."""
    return undrawn_sweep(DEMO, tmp_path_factory.mktemp("results"))


@pytest.fixture
def directory(tmp_path, monkeypatch, demo):
    """A working directory with results of two sweeps, and nothing slow in what is called."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "demo").symlink_to(demo)
    (tmp_path / "mine.yaml").write_text(blocks("yaml")[0])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "mine").symlink_to(tmp_path / "results" / "demo")
    short = partial(nsslib.simulate, steps=100, progress=False)
    monkeypatch.setattr(nsslib, "simulate", short, raising=False)
    return tmp_path


def test_the_python_of_the_readme_runs(directory):
    names = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), names)
    assert names["kurtosis"].name == "kurtosis"
    assert set(names["theory"].sizes) == {"g"}


def test_the_config_of_the_readme_is_valid():
    (text,) = blocks("yaml")
    assert parse(yaml.safe_load(text)).name == "mine"


@pytest.mark.parametrize(
    "line", re.findall(r"^    (nss (?:status|verdicts|theory|validate) [^#\n]*)", README, flags=re.M)
)
def test_the_commands_of_the_readme_run(directory, line):
    result = CliRunner().invoke(app, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output


def test_every_folder_of_the_layout_is_there():
    layout = README.split("## Layout")[1]
    named = re.findall(r"^      (\w+)/ ", layout, flags=re.M)
    assert {p.parent.name for p in (ROOT / "nsslib").glob("*/__init__.py")} == set(named)


def test_links_lead_somewhere():
    for name in ("README.md", "docs/glossary.md", "docs/executors.md", "docs/results.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text(encoding="utf-8")):
            assert (ROOT / name).parent.joinpath(link).exists(), f"{name}: {link}"


def test_python_is_the_one_that_the_readme_asks_for():
    major, minor = map(int, re.search(r"Python ≥ (\d+)\.(\d+)", README).groups())
    assert sys.version_info >= (major, minor)
