"""The command `nss`: what it prints, and how it refuses."""

import re
import shutil
import subprocess
import sys

import pytest

from nsslib import cli
from nsslib.config.files import render

COMMANDS = ["plan", "theory", "simulate", "status", "validate", "verdicts", "open"]


@pytest.fixture
def nss(monkeypatch, capsys):
    """``nss(*words)``: exit code, standard output and standard error of the command."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["nss", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return call


@pytest.fixture
def tiny_file(tiny_sweep, tmp_path):
    """Config file of the tiny sweep."""
    path = tmp_path / "tiny.yaml"
    path.write_text(render(tiny_sweep[0]), encoding="utf-8")
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(nss, command):
    code, out, _ = nss(command, "--help")
    assert code == 0
    assert re.match(rf"Usage: .*\b{command} ", out)


def test_the_help_lists_every_command(nss):
    _, out, _ = nss("--help")
    assert all(f"\n  {command} " in out for command in COMMANDS)


def test_the_script_is_installed():
    nss = shutil.which("nss", path=str(sys.prefix) + "/bin")
    done = subprocess.run([nss, "plan", "missing.yaml"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "nss: missing.yaml: no such config file\n")


def test_plan_counts_shards_jobs_and_cost(nss, tiny_file):
    code, out, _ = nss("plan", tiny_file)
    assert code == 0
    assert "main/gamma=0/N=4" in out and "main/gamma=0/N=8" in out
    assert "total: 4 shards in 2 jobs" in out and "CPU-hours" in out


def test_theory_prints_whole_numbers(nss):
    code, out, _ = nss("theory", "--g", "0.8", "--g", "1.2", "--beta", "100")
    assert code == 0
    assert "0.024378" in out and "0.189177" in out
    assert "converged" in out and "…" not in out


def test_status_counts_what_is_done(nss, tiny_sweep):
    code, out, _ = nss("status", tiny_sweep[1])
    assert code == 0
    assert "4 of 4 shards done" in out


def test_validate_accepts_a_config_a_store_and_a_sweep(nss, tiny_file, tiny_sweep):
    results = tiny_sweep[1]
    assert nss("validate", tiny_file) == (0, f"{tiny_file}: valid\n", "")
    for path, count in ((results / "theory.zarr", 1), (results, 7)):
        code, out, _ = nss("validate", path)
        assert code == 0 and f"{count} stores, all complete and undamaged" in out


def test_validate_names_every_damaged_store(nss, tiny_sweep, tmp_path):
    results = tmp_path / "tiny"
    shutil.copytree(tiny_sweep[1], results)
    damaged = [results / "theory.zarr", results / "fits.zarr"]
    for store in damaged:
        (store / "extra").touch()
    code, _, err = nss("validate", results)
    assert code == 2
    assert len(err.splitlines()) == 2 and all(f"{store}: damaged" in err for store in damaged)


def test_open_lists_the_tables(nss, tiny_sweep):
    code, out, _ = nss("open", tiny_sweep[1])
    assert code == 0
    assert all(f"Group: /{name}" in out for name in ("order_parameters", "per_seed", "theory", "fits"))


def test_simulate_runs_the_sweep_and_says_where_the_results_are(nss, tiny_file, monkeypatch):
    monkeypatch.setattr("nsslib.api.run_sweep", lambda config, directory: directory / config.stem)
    assert nss("simulate", tiny_file, "--directory", "elsewhere") == (0, "results: elsewhere/tiny\n", "")


MISTAKES = [
    (["plan", "missing.yaml"], "missing.yaml: no such config file"),
    (["simulate", "missing.yaml"], "missing.yaml: no such config file"),
    (["validate", "missing.yaml"], "missing.yaml: no such config file"),
    (["validate", "nowhere"], "nowhere: no config file, store or results here"),
    (["validate", "missing.zarr"], "missing.zarr: no such store"),
    (["open", "nowhere"], "nowhere: no results here"),
    (["status", "nowhere"], "nowhere/config.json: not there"),
    (["status", __file__], f"{__file__}"),
    (["theory", "--g", "1", "--beta", "-1"], "beta: -1.0 is out of range"),
    (["theory", "--g", "nan", "--beta", "1"], "g: nan is out of range"),
    (["theory", "--g", "1", "--beta", "1", "--gamma", "2"], "gamma: 2.0 is out of range"),
    (["theory", "--g", "1", "--beta", "1", "--phi", "tahn"], "phi: unknown transfer function 'tahn'; did you mean"),
    (["theory", "--g", "1", "--beta", "1", "--branch", "best"], "branch: unknown choice 'best'; choose from stable"),
]


@pytest.mark.parametrize(("words", "line"), MISTAKES, ids=[" ".join(words)[-40:] for words, _ in MISTAKES])
def test_a_mistake_is_one_line_and_exit_code_2(nss, words, line):
    code, out, err = nss(*words)
    assert (code, out) == (2, "")
    assert err.startswith(f"nss: {line}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [["stats"], ["theory", "--g", "1"], ["theory", "--g", "x", "--beta", "1"], ["plan"]])
def test_a_mistyped_command_line_is_explained(nss, words):
    code, _, err = nss(*words)
    assert code == 2
    assert "Usage: " in err and "Error: " in err


def test_damaged_results_are_no_traceback(nss, tiny_sweep, tmp_path):
    results = tmp_path / "tiny"
    shutil.copytree(tiny_sweep[1], results)
    (results / "config.json").write_text("{", encoding="utf-8")
    code, _, err = nss("status", results)
    assert code == 2 and err.startswith(f"nss: {results / 'config.json'}: damaged")


def test_verdicts_answer_every_question(nss, tiny_sweep):
    code, out, _ = nss("verdicts", tiny_sweep[1])
    assert code == 0
    assert "overlap" in out and "not converged" in out
