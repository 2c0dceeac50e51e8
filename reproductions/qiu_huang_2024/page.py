"""One self-contained HTML page, published vs converged: ``python -m reproductions.qiu_huang_2024.page [FILE]``."""

from __future__ import annotations

import html
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from nsslib.report.style import STYLE
from reproductions.qiu_huang_2024 import figures
from reproductions.qiu_huang_2024.benchmark import Cost, report
from reproductions.qiu_huang_2024.compare import compare, contradictions, summary
from reproductions.qiu_huang_2024.experiments import Experiments, experiments
from reproductions.qiu_huang_2024.findings import findings
from reproductions.qiu_huang_2024.tables import QUANTITIES

CSS = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 9px; text-align: right; border-bottom: 1px solid #eee; }
th { border-bottom: 1px solid #999; } td.text, th.text { text-align: left; }
figure { margin: 1.2rem 0; } figure svg { max-width: 100%; height: auto; } figcaption { font-size: 13px; color: #555; }
.scroll { overflow-x: auto; } pre { font-size: 13px; background: #f6f6f6; padding: .7rem; overflow-x: auto; }
"""

CAPTIONS = {
    "against_g": "Figure 5: order parameters against g at beta = 1e4. Line: converged; squares: published, with "
    "reading errors; dots: the published algorithm run here with frozen samples of one seed.",
    "against_beta": "Figures 6 and 7: activity and norm against beta. Dots: the published algorithm, bars over seeds.",
    "overlaps": "Figure 8, and one published iteration from one start with two kinds of average: quadrature (black) "
    "and the 60,000 x 10,000 frozen samples (blue). Dotted: where the stopping rule ends the run.",
    "zero_temperature": "Figure 10: the zero-temperature scheme. The converged chi is infinite from g = 1 on.",
    "static_dmft": "Figure 11: static mean field of the network with the exact response (black), with the published "
    "one (dots, squares), and the replica theory of the quasi-potential at beta = inf (dashed).",
    "fluctuation_response": "The relation between correlation and responses: from the order parameters (lines) and by "
    "direct integration over one site (crosses); on samples, both sides with errors over disorder.",
}


def write_page(
    path: str | Path,
    measured: Sequence[figures.Measured] = (),
    cost: Cost | None = None,
    runs: Experiments | None = None,
) -> Path:
    """Write the report; it opens offline and needs no other file.

    Parameters
    ----------
    path : path
        File to write; its folder is made.
    measured : sequence of Measured
        Samples for the panel of the fluctuation-response figure; left out if there are none.
    cost : Cost, optional
        From `reproductions.qiu_huang_2024.benchmark.measure`.
    runs : Experiments, optional
        Runs that explain figures 5, 7, 8 and 10; made (five minutes) if not given.

    Returns
    -------
    Path
    """
    table = compare()
    with mpl.rc_context(STYLE):
        runs = runs or experiments()
        drawn = {
            "against_g": figures.against_g(table),
            "against_beta": figures.against_beta(table),
            "overlaps": figures.overlaps(table, runs),
            "zero_temperature": figures.zero_temperature(table),
            "static_dmft": figures.static_dmft(table),
            "fluctuation_response": figures.fluctuation_response_figure(measured),
        }
        pictures = [inline(name, figure) for name, figure in drawn.items()]
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(assemble(table, runs, pictures, cost), encoding="utf-8")
    return file


def assemble(table: xr.Dataset, runs: Experiments, pictures: list[str], cost: Cost | None) -> str:
    """HTML of the page, made of its parts."""
    sections = "".join(
        f"<h2>{title}</h2><ul>{''.join(f'<li>{html.escape(claim)}</li>' for claim in claims)}</ul>"
        for title, claims in findings(table, runs).items()
    )
    excluded = "".join(f"<li>{html.escape(c.statement)}</li>" for c in contradictions(table))
    timing = f"<h2>Cost</h2><pre>{html.escape(report(cost))}</pre>" if cost else ""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Published vs converged</title><style>{CSS}</style></head><body>
<h1>Published vs converged</h1>
<p>The figures of Qiu &amp; Huang, <i>arXiv 2401.10009</i> (numbered as in the authors' code repository), compared with
the converged solutions of the same equations and with the published algorithm, written again from its description and
run at its own sample counts. phi = tanh, eta = 0. Published values are digitised; every difference is given in
units of the reading error. Converged values solve the equations to a residual of 1e-10.</p>
{sections}
<h2>Published values that exclude one another</h2><ul>{excluded}</ul>
<h2>Figures</h2>{"".join(pictures)}
<h2>Agreement, figure by figure</h2><div class="scroll">{_summary(table)}</div>
{timing}
<h2>All points</h2>
<details><summary>{table.sizes["point"]} points</summary><div class="scroll">{_points(table)}</div></details>
</body></html>
"""


def inline(name: str, figure: Figure) -> str:
    """Inline SVG with ids of its own, and the caption."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    svg = stream.getvalue()
    svg = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{name}-", svg[svg.index("<svg") :])
    return f"<figure>{svg}<figcaption>{html.escape(CAPTIONS[name])}</figcaption></figure>"


def _number(value: float, digits: int = 4) -> str:
    if np.isnan(value):
        return "–"
    return "∞" if np.isinf(value) else f"{value:.{digits}g}"


def _rows(head: Sequence[str], body: Sequence[Sequence[str]], words: int) -> str:
    """HTML table whose first `words` columns are text."""

    def row(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f'<{tag} class="text">{html.escape(c)}</{tag}>' if k < words else f"<{tag}>{html.escape(c)}</{tag}>"
            for k, c in enumerate(cells)
        )

    lines = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in body)
    return f"<table><thead><tr>{row(head, 'th')}</tr></thead><tbody>{lines}</tbody></table>"


def _summary(table: xr.Dataset) -> str:
    head = (
        "quantity", "figure", "gamma", "points", "within 1 reading error", "within 2", "largest relative difference",
        "at",
        "protocol points", "published within 1 of them",
    )  # fmt: skip
    body = [
        (
            QUANTITIES[line.quantity], str(line.figure), f"{line.gamma:g}", str(line.points), str(line.within_one),
            str(line.within_two), _number(line.largest, 2),
            f"{'beta' if line.figure in (6, 7) else 'g'} = {line.where:g}",
            str(line.protocol_points), str(line.protocol_within_one) if line.protocol_points else "–",
        )
        for line in summary(table)
    ]  # fmt: skip
    return _rows(head, body, 1)


def _points(table: xr.Dataset) -> str:
    head = (
        "quantity", "figure", "gamma", "beta", "g", "published", "reading error", "converged", "protocol", "seeds",
        "difference", "in reading errors",
    )  # fmt: skip
    names = ("published", "reading_error", "converged", "protocol", "seeds", "difference", "difference_in_errors")
    body = [
        (
            str(point["quantity"].values),
            str(int(point["figure"])),
            *(_number(float(point[name]), 6) for name in ("gamma", "beta", "g")),
            *(_number(float(point[name])) for name in names),
        )
        for point in (table.isel(point=i) for i in range(table.sizes["point"]))
    ]
    return _rows(head, body, 1)


if __name__ == "__main__":
    print(write_page(sys.argv[1] if len(sys.argv) > 1 else "published.html"))
