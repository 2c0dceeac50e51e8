"""The command `nss`: what it prints, and how it refuses."""

import json
import math
import os
import re
import shutil
import subprocess
import sys

import pytest

import nsslib
from nsslib import cli
from nsslib.config.files import render
from nsslib.monitor.heartbeat import Beat
from nsslib.monitor.status import PlaceStatus, Status
from nsslib.stages.report import read_verdicts
from nsslib.theory.replica.solver import VARIABLES
from nsslib.version import KERNEL_VERSION

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
    assert script("plan", "missing.yaml") == (2, "", "nss: missing.yaml: no such config file\n")


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


def test_the_version_names_the_package_and_its_kernel(nss):
    assert nss("--version") == (0, f"nsslib {nsslib.__version__}, kernel {KERNEL_VERSION}\n", "")


def script(*words, **environment):
    """Exit code, standard output and standard error of the installed script."""
    nss = shutil.which("nss", path=str(sys.prefix) + "/bin")
    done = subprocess.run([nss, *words], capture_output=True, text=True, check=False, env=os.environ | environment)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_the_shell(shell):
    # Undetected, for it would be the shell that the tests were started from.
    code, out, err = script("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert (code, err) == (0, "")
    assert f"_NSS_COMPLETE=complete_{shell}" in out


def test_a_word_begun_is_completed_to_a_command():
    begun = {"_NSS_COMPLETE": "complete_bash", "COMP_WORDS": "nss ver", "COMP_CWORD": "1"}
    assert script(**begun) == (0, "verdicts\n", "")


def rows_of(out):
    """JSON of the output, refusing the words that are no JSON; and that it is nothing but JSON."""

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(out, parse_constant=refuse)


@pytest.mark.parametrize("command", ["plan", "theory", "status", "verdicts"])
def test_the_help_documents_json(nss, command):
    assert "--json" in nss(command, "--help")[1]


def test_plan_as_json_adds_up(nss, tiny_file):
    plan = rows_of(nss("plan", tiny_file, "--json")[1])
    assert [row["place"] for row in plan["rows"]] == ["main/gamma=0/N=4", "main/gamma=0/N=8"]
    total = plan["total"]
    assert (total["shards"], total["jobs"]) == (4, 2)
    assert total["cpu_hours"] == sum(row["cpu_hours"] for row in plan["rows"]) > 0.0
    assert total["memory"] == max(row["memory"] for row in plan["rows"])


def test_theory_as_json_has_the_numbers_of_solve_in_full(nss):
    rows = rows_of(nss("theory", "--g", "0.8", "--g", "1.2", "--beta", "100", "--beta", "inf", "--json")[1])
    solution = nsslib.solve([0.8, 1.2], [100.0, math.inf])
    assert [(row["g"], row["beta"]) for row in rows] == [(0.8, 100.0), (0.8, "inf"), (1.2, 100.0), (1.2, "inf")]
    for row in rows:
        point = solution.sel(g=row["g"], beta=float(row["beta"]))
        assert {name: float(row[name]) for name in VARIABLES} == {name: float(point[name]) for name in VARIABLES}
        assert row["converged"] is True and row["branch"] == str(point["branch"].values)


def test_a_number_that_was_not_solved_for_is_null(nss):
    (row,) = rows_of(nss("theory", "--g", "1.2", "--beta", "100", "--phi", "linear", "--json")[1])
    assert row["converged"] is False and row["q"] is None


def test_table_and_json_of_theory_show_the_same(nss):
    words = ("theory", "--g", "0.8", "--beta", "100")
    (row,) = rows_of(nss(*words, "--json")[1])
    _, header, _, numbers, _ = nss(*words)[1].splitlines()
    shown = dict(zip(header.strip("┃").split("┃"), numbers.strip("│").split("│"), strict=True))
    shown = {name.strip(): value.strip() for name, value in shown.items()}
    assert shown == {key: f"{value:.6g}" if isinstance(value, float) else str(value) for key, value in row.items()}


def test_status_as_json_tells_what_runs_and_what_failed(nss, monkeypatch):
    beat = Beat("node7", step=25, total=100, rate=5.0, remark="R-hat 1.2")
    rows = [PlaceStatus("main/gamma=0/N=4", done=1, running=1, failed=1, seconds_left=math.nan)]
    sweep = Status(rows, {"seed=1": beat}, {"seed=2": "no memory"})
    monkeypatch.setattr("nsslib.monitor.status.status", lambda results: sweep)
    state = rows_of(nss("status", "somewhere", "--json")[1])
    (row,), (run,), (failure,) = state["rows"], state["running"], state["failed"]
    assert (row["place"], row["done"], row["seconds_left"]) == ("main/gamma=0/N=4", 1, None)
    assert (run["shard"], run["step"], run["host"], run["seconds_left"]) == ("seed=1", 25, "node7", 15.0)
    assert failure == {"shard": "seed=2", "reason": "no memory"}
    assert (state["done"], state["total"]) == (1, 3)
    out = nss("status", "somewhere")[1]
    assert "running: seed=1: step 25 of 100 on node7, ETA 0:00:15, R-hat 1.2\n" in out
    assert "failed: seed=2: no memory\n1 of 3 shards done\n" in out


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
    (["status", "nowhere", "--json", "--watch"], "--json: prints one state of the sweep; leave out --watch"),
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


def test_verdicts_as_json_are_those_of_the_library(nss, tiny_sweep):
    rows = rows_of(nss("verdicts", tiny_sweep[1], "--json")[1])
    assert rows == [verdict._asdict() for verdict in read_verdicts(tiny_sweep[1])]
