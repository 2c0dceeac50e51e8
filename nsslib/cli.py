"""The command ``nss``: plan, theory, simulate, status, validate, verdicts, open.

A command first computes its rows, mappings of names to numbers; then it prints them, as a table or as JSON.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from nsslib.errors import UserError
from nsslib.monitor.progress import clock
from nsslib.version import KERNEL_VERSION, __version__

if TYPE_CHECKING:
    from nsslib.monitor.status import Status

REFRESH_SECONDS = 5.0
ANSWERS = {"agree": "green", "disagree": "bold red", "not converged": "yellow"}
"""Colour of a verdict."""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Quasi-potential Langevin sweeps of neural networks, beside their replica theory.",
)
ConfigFile = Annotated[Path, typer.Argument(help="config file (YAML)")]
Results = Annotated[Path, typer.Argument(help="directory of a sweep, results/NAME")]
Numbers = Annotated[list[float], typer.Option(help="one value, or the option several times for a grid")]
AsJson = Annotated[
    bool, typer.Option("--json", help="print JSON, not a table: numbers in full precision, nan as null, inf as a text")
]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nsslib {__version__}, kernel {KERNEL_VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the versions and exit")
    ] = False,
) -> None:
    """Options of the command itself."""


def _print(table: Table) -> None:
    console = Console()
    # As wide as its numbers: a number cut short is worse than a line that wraps.
    console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
    console.print(table)


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(_finite(data), indent=1, allow_nan=False))


def _finite(data: Any) -> Any:
    """Copy of nested rows that JSON can hold: nan becomes None, an infinity its text."""
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_finite(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return None if math.isnan(data) else str(data)
    return data


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} TiB"


@app.command()
def plan(config: ConfigFile, as_json: AsJson = False) -> None:
    """Print shards, columns, CPU-hours (timed on this machine), memory and disk of a sweep."""
    from nsslib.config.files import load
    from nsslib.monitor.plan import estimates

    rows = [asdict(row) | {"cpu_hours": row.cpu_hours} for row in estimates(load(config))]
    total = {key: sum(row[key] for row in rows) for key in ("shards", "jobs", "cpu_hours")}
    total |= {"memory": max(row["memory"] for row in rows), "disk": sum(row["shards"] * row["disk"] for row in rows)}
    if as_json:
        _print_json({"rows": rows, "total": total})
        return
    table = Table("block, gamma, N", "shards", "jobs", "columns", "of these asked for", "s / shard", "CPU-hours",
                  "memory", "disk / shard", title=f"plan of {config}")  # fmt: skip
    for row in rows:
        counts = (str(row[key]) for key in ("place", "shards", "jobs", "columns", "asked"))
        table.add_row(
            *counts, f"{row['seconds']:.3g}", f"{row['cpu_hours']:.3g}", _size(row["memory"]), _size(row["disk"])
        )
    _print(table)
    typer.echo(
        f"total: {total['shards']} shards in {total['jobs']} jobs, {total['cpu_hours']:.3g} CPU-hours on this machine, "
        f"{_size(total['memory'])} memory at most, {_size(total['disk'])} on disk before compression"
    )


@app.command()
def theory(
    g: Numbers,
    beta: Numbers,
    gamma: Numbers = [0.0],  # noqa: B006 (typer wants a list)
    eta: Annotated[float, typer.Option(help="confining term, >= 0")] = 0.0,
    phi: Annotated[str, typer.Option(help="transfer function")] = "tanh",
    branch: Annotated[str, typer.Option(help="stable, zero-overlap or all")] = "stable",
    as_json: AsJson = False,
) -> None:
    """Solve the replica equations and print the order parameters with their stability."""
    from rich.progress import Progress as Bar

    from nsslib.theory.replica import solve
    from nsslib.theory.replica.solver import VARIABLES

    terminal = Console(stderr=True)
    with Bar(console=terminal, transient=True, disable=not terminal.is_terminal) as bar:
        task = bar.add_task("solving", total=None)
        solution = solve(
            g,
            beta,
            gamma,
            eta,
            phi,
            branch,  # type: ignore[arg-type]  # checked by solve
            on_point=lambda done, total: bar.update(task, completed=done, total=total),
        )
    frame = solution.reset_coords(drop=True).to_dataframe().reset_index()
    axes = [name for name in ("gamma", "g", "beta", "branch") if name in frame]
    rows = frame[[*axes, *VARIABLES, "converged"]].to_dict("records")
    if as_json:
        _print_json(rows)
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{value:.6g}" if isinstance(value, float) else str(value) for value in row.values()))
    _print(table)


@app.command()
def simulate(
    config: ConfigFile,
    directory: Annotated[Path, typer.Option(help="parent of the results")] = Path("results"),
) -> None:
    """Run a sweep in this process: sample, reduce, theory, fit, figures; resumes by itself."""
    from nsslib.api import run_sweep

    typer.echo(f"results: {run_sweep(config, directory=directory)}")


@app.command()
def status(
    results: Results,
    watch: Annotated[bool, typer.Option("--watch", help="check again every few seconds, until all is done")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what of a sweep is done, running (with ETA and diagnostics), queued or failed, and the CPU-hours left."""
    from rich.live import Live

    from nsslib.monitor.status import status as status_of

    if as_json:
        if watch:
            raise UserError("--json: prints one state of the sweep; leave out --watch")
        _print_json(_state(status_of(results)))
        return
    if not watch:
        state = _state(status_of(results))
        _print(_status_table(state))
        for line in _status_lines(state):
            typer.echo(line)
        return
    with Live(auto_refresh=False, console=Console()) as live:
        while True:
            state = _state(status_of(results))
            live.update(Group(_status_table(state), *(Text(line) for line in _status_lines(state))), refresh=True)
            if state["done"] == state["total"]:
                return
            time.sleep(REFRESH_SECONDS)


def _state(sweep: Status) -> dict[str, Any]:
    """Rows of a status, the shards that run or failed, and the sums."""
    return {
        "rows": [asdict(row) for row in sweep.rows],
        "running": [
            {"shard": label, **asdict(beat), "seconds_left": (beat.total - beat.step) / max(beat.rate, 1e-9)}
            for label, beat in sweep.running.items()
        ],
        "failed": [{"shard": label, "reason": reason} for label, reason in sweep.failed.items()],
        "done": sweep.done,
        "total": sweep.total,
    }


def _status_table(state: dict[str, Any]) -> Table:
    table = Table("block, gamma, N", "done", "running", "queued", "failed", "CPU-hours left")
    for row in state["rows"]:
        left = "?" if math.isnan(row["seconds_left"]) else f"{row['seconds_left'] / 3600.0:.3g}"
        table.add_row(*(str(row[key]) for key in ("place", "done", "running", "queued", "failed")), left)
    return table


def _status_lines(state: dict[str, Any]) -> list[str]:
    """A line for every shard that runs or failed, then the sum."""
    lines = [
        f"running: {run['shard']}: step {run['step']} of {run['total']} on {run['host']}, "
        f"ETA {clock(run['seconds_left'])}" + (f", {run['remark']}" if run["remark"] else "")
        for run in state["running"]
    ]
    lines += [f"failed: {failure['shard']}: {failure['reason']}" for failure in state["failed"]]
    return [*lines, f"{state['done']} of {state['total']} shards done"]


@app.command()
def validate(path: Annotated[Path, typer.Argument(help="config file, store or directory of a sweep")]) -> None:
    """Check a config file, or that stores are complete and undamaged."""
    from nsslib.config.files import load
    from nsslib.storage.store import KINDS, check

    if path.suffix in (".yaml", ".yml") or path.is_file():
        load(path)
        typer.echo(f"{path}: valid")
        return
    stores = [path] if path.suffix == ".zarr" else sorted(p for p in path.rglob("*.zarr") if p.is_dir())
    if not stores:
        raise UserError(f"{path}: no config file, store or results here")
    problems = []
    for store in stores:
        try:
            check(store, KINDS.get(store.name, "shard"))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    typer.echo(f"{path}: {len(stores)} stores, all complete and undamaged")
    if (path / "config.json").exists():
        from nsslib.monitor.status import status as status_of

        typer.echo(_status_lines(_state(status_of(path)))[-1])


@app.command()
def verdicts(results: Results, as_json: AsJson = False) -> None:
    """Print how a sweep compares with replica theory: agree, disagree or not converged, with the numbers behind it."""
    from nsslib.stages.report import read_verdicts

    rows = [verdict._asdict() for verdict in read_verdicts(results)]
    if as_json:
        _print_json(rows)
        return
    table = Table(*rows[0], show_lines=True)
    for row in rows:
        answer = Text(row["answer"], ANSWERS[row["answer"]])
        table.add_row(*(f"{v:g}" if isinstance(v, float) else v for v in (row | {"answer": answer}).values()))
    Console().print(table)


@app.command("open")
def open_(results: Results) -> None:
    """Print what the results of a sweep hold."""
    from nsslib.api import open_results

    typer.echo(str(open_results(results, with_shards=False)))


def main() -> None:
    """Entry point: mistakes of the user end with their line and exit code 2."""
    try:
        app()
    except UserError as error:
        typer.echo(f"nss: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
