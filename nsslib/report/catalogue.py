"""Catalogue of the figures of a sweep: their names and captions, from the config alone.

Nothing heavy is imported: a workflow needs the names before anything is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from nsslib.config.schema import Config
from nsslib.grid.axes import text
from nsslib.grid.task import task_of

BETAS_PER_PAGE = 6

CAPTIONS = {
    "order-parameters": (
        "Activity q, integrated response R_int, excess speed Y, modulus of the overlap Q and free energy (log Z per "
        "unit beyond equipartition, 0 at the reference point) against the coupling strength g, one column per inverse "
        "temperature beta; observables named in the config have rows of their own. Circles: samples, darker for "
        "larger N, with 68 % error bars (thermal and disorder); hollow where not converged. Lines: replica theory "
        "(N to infinity). The overlap should fall with N where the theory has none."
    ),
    "convergence": (
        "Whether the samples can be trusted, at every point (g, beta). Upper rows: split R-hat and effective sample "
        "size of the worst slow observable, and the difference of q between cold and hot starts in its errors, each as "
        "met by the share of realisations that the config asks for. White: the limit, bold beside the colour bar; blue "
        "is better, red is worse. A dot marks points that are not converged; grey: not sampled, or without a value. "
        "Bottom: round trips of a chain along the whole ladder, intermediate values included, in beta and in g; a "
        "circle per realisation, a bar at the median. Below the dashed line most chains made no round trip in the run: "
        "mixing then rests on exchange between parts of the ladder, and a longer run is the remedy."
    ),
    "scaling": (
        "Activity q against beta in double logarithms at several g. Circles: samples at the largest N; hollow where "
        "not converged. Lines: replica theory. {slopes}"
    ),
    "extrapolation": (
        "Order parameters at one point (g, beta) against 1/N. Circles: samples with 68 % error bars. Line: weighted "
        "fit a + b N^-omega, drawn over the sizes it uses; omega is 1 unless an F-test decides for another. Circle at "
        "1/N = 0: extrapolated value, hollow where a size is not converged or the sizes do not suffice. Open "
        "diamond: replica theory; z is the distance between the two in standard deviations."
    ),
    "z-scores": (
        "Distance of the extrapolated order parameters from the replica theory, in standard deviations, at every "
        "point (g, beta). Hatched where not every size is converged or the sizes do not suffice (no degree of freedom "
        "left, or a bad fit): no verdict. Points of one realisation share couplings, so neighbours are correlated; the "
        "table /agreement takes that into account."
    ),
    "effective": (
        "Coupling strength at which replica theory fits the extrapolated q, R_int, Y and l2 of a point (g, beta) best, "
        "at the simulated beta. Left: against the simulated one; on the diagonal the theory describes the samples. "
        "Right: the difference of the two, values of one g beside each other. Colour: beta; bars: 68 %; hollow where "
        "not converged or the sizes do not suffice. All points share couplings: a common shift is one deviation, not "
        "one per point."
    ),
    "exchange": (
        "Acceptance of replica exchange for every link of the ladder in beta (left) and in g (middle), intermediate "
        "values included, mean over realisations; right: round trips per chain and 1000 steps. A dark link is a "
        "bottleneck: points beyond it mix slowly."
    ),
    "exponents": (
        "Left: local exponent of q in beta over the last decade of converged beta, with 68 % errors from a bootstrap "
        "over realisations. Lines: the same fit to the replica curve at the same betas. {slopes} No finite beta "
        "reaches these limits. "
        "Right: the coupling of the transition from the maximum and the sharpest bend of R_int, from crossings of "
        "q N^b at beta ~ N^a, and from their collapse in (g - g_c) N^(1/nu), with statistical errors. "
        "Only converged points are used."
    ),
    "overlap": (
        "Left: modulus of the overlap of two replicas against N, below, at and above the edge of chaos. Lines: "
        "a + b N^-1/2 through the converged sizes; dashed: N^-1/2 from the smallest size. A constant a would be an "
        "overlap at N = infinity, as in the published theory; a line along the dashes is none; sizes "
        "below 10/(1 - replicon)^2 hardly fall and decide nothing. Right: distribution of "
        "the signed overlap at the last of these points: it narrows where the overlap vanishes, and has two peaks that "
        "stay where it does not. Hollow where not converged."
    ),
    "response": (
        "Fluctuation-response from the saved states: x.phi(x)/N against what the responses and overlaps say of it by a "
        "relation that is exact at every N after the average over disorder (left), and the z-score of their "
        "difference over realisations (right): within the grey band, +-2, at 19 points of 20. Points of one "
        "realisation share couplings, so they scatter together. Hollow where not converged."
    ),
}
"""Caption of every kind of figure; {slopes} depends on gamma and eta."""

PER_GAMMA = ("convergence", "scaling", "extrapolation", "z-scores", "effective", "exponents", "overlap", "response")
"""Kinds with one figure a gamma."""


@dataclass(frozen=True)
class Figure:
    """One figure of a sweep.

    Attributes
    ----------
    kind : str
        One of `CAPTIONS`.
    gamma : float
    page : int, optional
        From 1, where the inverse temperatures do not fit on one page.
    block : str, optional
        Of a figure that shows one block of the config only.
    eta : float
        Confining term of the sweep.
    """

    kind: str
    gamma: float
    page: int | None = None
    block: str | None = None
    eta: float = 0.0

    @property
    def name(self) -> str:
        """File below figures/, without suffix: no commas, by which Snakemake separates wildcards of remote jobs."""
        parts = (self.kind, self.block, f"gamma={text(self.gamma)}", self.page and f"page={self.page}")
        return "/".join(part for part in parts if part)

    @property
    def betas(self) -> slice:
        """Which of the inverse temperatures at its gamma are on its page."""
        first = ((self.page or 1) - 1) * BETAS_PER_PAGE
        return slice(first, first + BETAS_PER_PAGE)

    @property
    def caption(self) -> str:
        """What it shows."""
        return CAPTIONS[self.kind].replace("{slopes}", _slopes(self.gamma, self.eta))


def _slopes(gamma: float, eta: float) -> str:
    """Slopes of ln q in ln beta that theory predicts for beta -> infinity, in words."""
    if eta > 0.0:
        return "No slope is predicted: there is no transition with eta > 0."
    if gamma < 0.0:
        return "No slope is predicted: q jumps for gamma < 0."
    edge = f"-1 below the edge of chaos g_c = {text(round(1.0 / (1.0 + gamma), 3))}"
    if gamma == 0.0:
        slopes = f"{edge}, -1/2 at it, 0 above it"
    else:
        second = f"g = 1/sqrt(1 + gamma) = {text(round((1.0 + gamma) ** -0.5, 3))}"
        slopes = f"{edge}, {'-3/4' if gamma == 1.0 else '-2/3'} at it, -1/2 up to {second}, -1/3 there, 0 beyond"
    return f"Dashed: slopes predicted for beta to infinity, {slopes}."


def figures(config: Config) -> dict[str, Figure]:
    """Figures of a sweep by name; none without blocks that are sampled."""
    blocks = {name: block for name, block in config.blocks.items() if task_of(block).kind == "sampling"}
    found = []
    for gamma in sorted({gamma for block in blocks.values() for gamma in block.gamma}):
        betas = {beta for block in blocks.values() if gamma in block.gamma for beta in block.beta}
        pages = -(-len(betas) // BETAS_PER_PAGE)
        found += [Figure("order-parameters", gamma, page) for page in (range(1, pages + 1) if pages > 1 else [None])]
        found += [Figure(kind, gamma, eta=config.model.eta) for kind in PER_GAMMA]
    found += [Figure("exchange", gamma, block=name) for name, block in blocks.items() for gamma in block.gamma]
    return {figure.name: figure for figure in found}
