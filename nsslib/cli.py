"""The command ``nss``: plan, theory, simulate, status, validate, verdicts, open."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from nsslib.errors import UserError
from nsslib.monitor.progress import clock

if TYPE_CHECKING:
    from nsslib.monitor.status import Status

SECONDS_BETWEEN_LOOKS = 5.0
ANSWERS = {"agree": "green", "disagree": "bold red", "not converged": "yellow"}
"""Colour of a verdict."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Quasi-potential Langevin sweeps of neural networks, beside their replica theory.",
)
ConfigFile = Annotated[Path, typer.Argument(help="config file (YAML)")]
Results = Annotated[Path, typer.Argument(help="directory of a sweep, results/NAME")]
Numbers = Annotated[list[float], typer.Option(help="one value, or the option several times for a grid")]


def _print(table: Table) -> None:
    console = Console()
    # As wide as its numbers: a number cut short is worse than a line that wraps.
    console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
    console.print(table)


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} TiB"


@app.command()
def plan(config: ConfigFile) -> None:
    """Print shards, columns, CPU-hours (timed on this machine), memory and disk of a sweep."""
    from nsslib.config.files import load
    from nsslib.monitor.plan import estimates

    rows = estimates(load(config))
    table = Table("block, gamma, N", "shards", "jobs", "columns", "of these asked for", "s / shard", "CPU-hours",
                  "memory", "disk / shard", title=f"plan of {config}")  # fmt: skip
    for row in rows:
        table.add_row(row.place, str(row.shards), str(row.jobs), str(row.columns), str(row.asked), f"{row.seconds:.3g}",
                      f"{row.cpu_hours:.3g}", _size(row.memory), _size(row.disk))  # fmt: skip
    _print(table)
    disk = sum(row.shards * row.disk for row in rows)
    typer.echo(
        f"total: {sum(r.shards for r in rows)} shards in {sum(r.jobs for r in rows)} jobs, "
        f"{sum(r.cpu_hours for r in rows):.3g} CPU-hours on this machine, "
        f"{_size(max(r.memory for r in rows))} memory at most, {_size(disk)} on disk before compression"
    )


@app.command()
def theory(
    g: Numbers,
    beta: Numbers,
    gamma: Numbers = [0.0],  # noqa: B006 (typer wants a list)
    eta: Annotated[float, typer.Option(help="confining term, >= 0")] = 0.0,
    phi: Annotated[str, typer.Option(help="transfer function")] = "tanh",
    branch: Annotated[str, typer.Option(help="stable, zero-overlap or all")] = "stable",
) -> None:
    """Solve the replica equations and print the order parameters with their stability."""
    from rich.progress import Progress as Bar

    from nsslib.theory.replica import solve

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
    names = [
        "q",
        "Q",
        "R_int",
        "r",
        "R",
        "qh",
        "Qh",
        "Y",
        "l2",
        "energy",
        "free_energy",
        "replicon",
        "residual",
        "converged",
    ]
    frame = solution.reset_coords(drop=True).to_dataframe().reset_index()
    labels = [c for c in ("gamma", "g", "beta", "branch") if c in frame]
    table = Table(*labels, *names)
    for _, row in frame.iterrows():
        cells = [row[c] for c in labels + names]
        table.add_row(*(f"{c:.6g}" if isinstance(c, float) else str(c) for c in cells))
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
    watch: Annotated[bool, typer.Option("--watch", help="look again every few seconds, until all is done")] = False,
) -> None:
    """Tell what of a sweep is done, running (with ETA and evidence), queued or failed, and the CPU-hours left."""
    from rich.live import Live

    from nsslib.monitor.status import status as look

    if not watch:
        now = look(results)
        _print(_places(now))
        for line in _shards(now):
            typer.echo(line)
        return
    with Live(auto_refresh=False, console=Console()) as live:
        while True:
            now = look(results)
            live.update(Group(_places(now), *(Text(line) for line in _shards(now))), refresh=True)
            if now.done == now.total:
                return
            time.sleep(SECONDS_BETWEEN_LOOKS)


def _places(now: Status) -> Table:
    table = Table("block, gamma, N", "done", "running", "queued", "failed", "CPU-hours left")
    for row in now.rows:
        left = "?" if math.isnan(row.seconds_left) else f"{row.seconds_left / 3600.0:.3g}"
        table.add_row(row.place, *map(str, (row.done, row.running, row.queued, row.failed)), left)
    return table


def _shards(now: Status) -> list[str]:
    """A line for every shard that runs or failed, then the sum."""
    lines = [
        f"running: {label}: step {beat.step} of {beat.total} on {beat.host}, "
        f"ETA {clock((beat.total - beat.step) / max(beat.rate, 1e-9))}" + (f", {beat.remark}" if beat.remark else "")
        for label, beat in now.running.items()
    ]
    lines += [f"failed: {label}: {reason}" for label, reason in now.failed.items()]
    return [*lines, f"{now.done} of {now.total} shards done"]


@app.command()
def validate(path: Annotated[Path, typer.Argument(help="config file, store or directory of a sweep")]) -> None:
    """Check a config file, or that stores are complete and undamaged."""
    from nsslib.config.files import load
    from nsslib.storage.store import KINDS, check

    if path.suffix in (".yaml", ".yml") or path.is_file():
        load(path)
        typer.echo(f"{path}: valid")
        return
    found = [path] if path.suffix == ".zarr" else sorted(p for p in path.rglob("*.zarr") if p.is_dir())
    if not found:
        raise UserError(f"{path}: no config file, store or results here")
    problems = []
    for place in found:
        try:
            check(place, KINDS.get(place.name, "shard"))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    typer.echo(f"{path}: {len(found)} stores, all complete and undamaged")
    if (path / "config.json").exists():
        from nsslib.monitor.status import status as look

        typer.echo(_shards(look(path))[-1])


@app.command()
def verdicts(results: Results) -> None:
    """Print what a sweep says of replica theory: agree, disagree or not converged, with the evidence."""
    from nsslib.stages.report import read_verdicts

    table = Table("gamma", "question", "answer", "evidence", show_lines=True)
    for found in read_verdicts(results):
        table.add_row(f"{found.gamma:g}", found.question, Text(found.answer, ANSWERS[found.answer]), found.evidence)
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
