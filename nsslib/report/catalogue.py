"""Catalogue of the figures of a sweep: their names and captions, from the config alone.

Drawing is `nsslib.report.plotting`; a workflow needs the names before anything is drawn.
"""

from __future__ import annotations

from nsslib.config.schema import Config
from nsslib.grid.axes import text
from nsslib.grid.task import axes

BETAS_PER_PAGE = 6

CAPTIONS = {
    "order-parameters": (
        "Activity q, integrated response R_int, excess speed Y, modulus of the overlap Q and free energy (log Z per "
        "unit beyond equipartition, 0 in the first cell) against the coupling strength g, one column per inverse "
        "temperature beta. Points: samples, darker for larger N, with 68 % error "
        "bars (thermal and disorder); hollow where not converged. Lines: replica theory (N to infinity). The overlap "
        "should fall with N where the theory has none."
    ),
    "convergence": (
        "Whether the samples can be trusted, cell by cell. Upper rows: split R-hat and effective sample size of the "
        "worst slow observable, and the difference of q between cold and hot starts in its errors, each as met by the "
        "share of disorder samples that the config asks for. White: the limit, bold beside the colour bar; blue is "
        "better, red is worse. A dot marks cells that are not converged; grey: not sampled, or without a value. "
        "Bottom: round trips of a chain along the whole ladder, hidden columns included, in beta and in g; a point "
        "per disorder sample, a bar at the median. Below the dashed line most chains never got round in the run: "
        "mixing then rests on exchange between parts of the ladder, and a longer run is the remedy."
    ),
    "scaling": (
        "Activity q against beta in double logarithms at several g. Points: samples at the largest N; hollow where "
        "not converged. Lines: replica theory. Dashed guides: the predicted slopes, -1 below the edge of chaos, -1/2 "
        "at it, 0 above it."
    ),
    "extrapolation": (
        "Order parameters of one cell against 1/N. Points: samples with 68 % error bars. Line: weighted fit "
        "a + b N^-omega, drawn over the sizes it uses; omega is 1 unless an F-test decides for another. Point at "
        "1/N = 0: extrapolated value, hollow where cells are not converged or the sizes do not suffice. Open "
        "diamond: replica theory; z is the distance between the two in standard deviations."
    ),
    "z-scores": (
        "Distance of the extrapolated order parameters from the replica theory, in standard deviations, for every "
        "cell. Hatched where not every size is converged or the sizes do not suffice (no degree of freedom left, or a "
        "bad fit): no verdict. Cells of one disorder sample share couplings, so neighbours are correlated; the table "
        "/agreement takes that into account."
    ),
    "effective": (
        "Coupling strength at which replica theory fits the extrapolated q, R_int, Y and l2 of a cell best, at the "
        "simulated beta. Left: against the simulated one; on the diagonal the theory describes the samples. Right: the "
        "difference of the two, points of one g beside each other. Colour: beta; bars: 68 %; hollow where not "
        "converged or the sizes do not suffice. All cells share couplings: a common shift is one deviation, not many."
    ),
    "exchange": (
        "Acceptance of replica exchange for every link of the ladder in beta (left) and in g (middle), hidden columns"
        " included, mean over disorder samples; right: round trips per chain and 1000 steps. A dark link is a "
        "bottleneck: cells beyond it mix slowly."
    ),
    "exponents": (
        "Left: local exponent of q in beta over the last decade of converged beta, with 68 % errors from a bootstrap "
        "over disorder samples. Lines: the same fit to the replica curve at the same betas; dashed: its limits as "
        "beta -> infinity (-1 below, -1/2 at, 0 above the edge of chaos for gamma = 0), which no finite beta reaches. "
        "Right: the coupling of the transition from the maximum and the sharpest bend of R_int, from crossings of "
        "q N^b at beta ~ N^a, and from their collapse in (g - g_c) N^(1/nu), with statistical errors. "
        "Only converged cells are used."
    ),
    "overlap": (
        "Left: modulus of the overlap of two replicas against N, below, at and above the edge of chaos. Lines: "
        "a + b N^-1/2 through the converged sizes; dashed: N^-1/2 from the smallest size. A constant a would be an "
        "overlap at N = infinity, as in the published theory; a line along the dashes is none; sizes "
        "below 10/(1 - replicon)^2 hardly fall and decide nothing. Right: distribution of "
        "the signed overlap in the last of these cells: it narrows where the overlap vanishes, and has two peaks that "
        "stay where it does not. Hollow where not converged."
    ),
    "response": (
        "Fluctuation-response from the saved states: x.phi(x)/N against what the responses and overlaps say of it by a "
        "relation that is exact at every N after the average over disorder (left), and the z-score of their "
        "difference over disorder samples (right): within the grey band, +-2, in 19 cells of 20. Cells of one disorder "
        "sample share couplings, so they scatter together. Hollow where not converged."
    ),
}
"""Caption of every kind of figure."""

PER_GAMMA = ("convergence", "scaling", "extrapolation", "z-scores", "effective", "exponents", "overlap", "response")
"""Kinds with one figure a gamma."""


def figures(config: Config) -> dict[str, str]:
    """Names of the figures of a sweep, and the kind of each.

    Names read ``kind/gamma=0`` or, with more inverse temperatures than fit on a page,
    ``kind/gamma=0/page=2``. No commas: Snakemake separates the wildcards of remote jobs by them.
    """
    names: dict[str, str] = {}
    for gamma in axes(config)["gamma"]:
        betas = {beta for block in config.blocks.values() if gamma in block.gamma for beta in block.beta}
        pages = -(-len(betas) // BETAS_PER_PAGE)
        for page in range(1, pages + 1):
            suffix = f"/page={page}" if pages > 1 else ""
            names[f"order-parameters/gamma={text(gamma)}{suffix}"] = "order-parameters"
        for kind in PER_GAMMA:
            names[f"{kind}/gamma={text(gamma)}"] = kind
    for name, block in config.blocks.items():
        for gamma in block.gamma:
            names[f"exchange/{name}/gamma={text(gamma)}"] = "exchange"
    return names
