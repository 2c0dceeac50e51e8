"""Figures: every one of the catalogue is drawn, and what is not converged is drawn hollow."""

import shutil
from fractions import Fraction

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from nsslib import run_sweep
from nsslib.analysis.comparison.critical import asymptotic_exponent
from nsslib.analysis.sizes.extrapolation import replica_value
from nsslib.config.files import parse
from nsslib.config.schema import Convergence
from nsslib.model.observables import OBSERVABLES, Observable
from nsslib.report import (
    convergence,
    effective,
    exponents,
    extrapolation,
    order_parameters,
    overlap,
    response,
    scaling,
    z_scores,
)
from nsslib.report.catalogue import BETAS_PER_PAGE, CAPTIONS, PER_GAMMA, Figure, figures
from nsslib.report.results import Results
from nsslib.stages.report import MODULES, draw_figure, draw_sweep
from nsslib.storage import store
from nsslib.theory.replica import solve

WHITE = (1.0, 1.0, 1.0)


@pytest.fixture
def table(tiny_sweep):
    """Order parameters at the only gamma of the tiny sweep; the first point alone is converged."""
    found = store.read_table(tiny_sweep[1], "order_parameters").isel(gamma=0)
    found["converged"][:] = 0
    found["converged"][{"g": 0, "beta": 0}] = 1
    return found


@pytest.fixture
def fits(tiny_sweep):
    return store.read_table(tiny_sweep[1], "fits").isel(gamma=0)


@pytest.fixture(scope="module")
def theory():
    found = solve(np.array([0.5, 0.75, 1.0]), np.array([2.0, 3.0, 5.0]), 0.0)
    return found.assign({name: replica_value(found, name) for name in ("Q_abs", "log_z")})


def points(ax):
    """{x: whether hollow} of all points of a panel, by their N or g."""
    found = {}
    for container in ax.containers:
        markers = container[0]
        hollow = to_rgb(markers.get_markerfacecolor()) == WHITE
        assert to_rgb(markers.get_markeredgecolor()) != WHITE
        for x in markers.get_xdata():
            found.setdefault(float(x), set()).add(hollow)
    return found


@pytest.mark.heavy
def test_a_sweep_has_every_figure_of_its_catalogue_in_both_formats(tiny_sweep, tmp_path):
    config, results = tiny_sweep
    copy = shutil.copytree(results, tmp_path / "copy")
    written = {file.relative_to(copy / "figures").as_posix() for file in draw_sweep(config, copy)}
    assert written == {f"{name}.{suffix}" for name in figures(config) for suffix in ("svg", "png")}
    assert all((copy / "figures" / file).stat().st_size > 1000 for file in written)


def test_every_kind_of_the_catalogue_has_a_caption_and_is_in_a_sweep(tiny_sweep):
    assert {figure.kind for figure in figures(tiny_sweep[0]).values()} == set(CAPTIONS) == set(MODULES)


def test_drawing_again_gives_the_same_files(tiny_sweep, tmp_path):
    config, results = tiny_sweep
    copy = shutil.copytree(results, tmp_path / "copy")
    name = f"z-scores/gamma={config.blocks['main'].gamma[0]:g}"
    first = {file: file.read_bytes() for file in draw_figure(config, copy, name)}
    assert first == {file: file.read_bytes() for file in draw_figure(config, copy, name)}


def test_figure_names_cover_every_gamma_block_and_page():
    def block(gamma, beta):
        return {"gamma": gamma, "N": [8], "g": [0.5, 1.0], "beta": beta, "seeds": 1}

    blocks = {"a": block([-0.5, 0.25], [1.0, 2.0]), "b": block([0.5], [float(b) for b in range(3, 15)])}
    found = figures(parse({"name": "test", "blocks": blocks}))
    for gamma, betas in (("-0.5", 2), ("0.25", 2), ("0.5", 12)):
        assert all(f"{kind}/gamma={gamma}" in found for kind in PER_GAMMA)
        pages = [name for name in found if name.startswith(f"order-parameters/gamma={gamma}")]
        assert len(pages) == -(-betas // BETAS_PER_PAGE)
    exchanges = {name for name, figure in found.items() if figure.kind == "exchange"}
    assert exchanges == {"exchange/a/gamma=-0.5", "exchange/a/gamma=0.25", "exchange/b/gamma=0.5"}


def test_a_figure_is_found_by_its_name(tiny_sweep):
    assert all(figure.name == name for name, figure in figures(tiny_sweep[0]).items())
    assert Figure("order-parameters", 0.25, page=2).name == "order-parameters/gamma=0.25/page=2"
    assert Figure("exchange", -1.0, block="main").name == "exchange/main/gamma=-1"


def test_the_pages_show_every_sampled_beta_once(tmp_path, monkeypatch):
    betas = [float(b) for b in range(1, 2 * BETAS_PER_PAGE + 3)]
    block = {"N": [8], "g": [0.5, 1.0], "beta": betas, "seeds": 1}
    config = parse({"name": "test", "blocks": {"main": block}})
    coords = {"gamma": [0.0], "N": [8], "g": [0.5, 1.0], "beta": [0.5, *betas]}
    origin = {"reference_g": ("gamma", [0.5]), "reference_beta": ("gamma", [betas[0]])}
    table = xr.Dataset({"n_seeds": (tuple(coords), np.ones((1, 1, 2, len(betas) + 1)))}, coords | origin)
    table["n_seeds"].loc[{"beta": 0.5}] = 0  # sampled at another gamma

    def theory(_, gamma, g, beta):
        values = xr.DataArray(np.outer(g, beta), {"g": g, "beta": beta}, ("g", "beta"))
        return xr.Dataset(dict.fromkeys(("q", "R_int", "Y", "Q", "free_energy"), values))

    monkeypatch.setattr(Results, "read", lambda *_: table)
    monkeypatch.setattr(Results, "theory", theory)
    pages = [figure for figure in figures(config).values() if figure.kind == "order-parameters"]
    shown = [order_parameters.select(Results(tmp_path, config), page) for page in pages]
    assert [beta for data in shown for beta in data.table["beta"].values] == betas
    for data in shown:
        assert data.theory["beta"].values.tolist() == data.table["beta"].values.tolist()
        assert data.theory["log_z"].notnull().all(), "relative to a point of the first page"


def test_a_table_is_verified_once_for_all_figures(tiny_sweep, monkeypatch):
    config, path = tiny_sweep
    checked = []
    check = store.check
    monkeypatch.setattr(store, "check", lambda path, kind, *more: checked.append(path.name) or check(path, kind, *more))
    results = Results(path, config)
    for kind in ("convergence", "extrapolation", "z-scores", "effective", "exponents", "response"):
        MODULES[kind].select(results, Figure(kind, 0.0))
    assert sorted(checked) == ["fits.zarr", "order_parameters.zarr"]


def test_order_parameters_are_hollow_where_not_converged(table, theory):
    figure = order_parameters.draw(order_parameters.Data(table, theory))
    panels = np.reshape(figure.axes, (5, 2))
    for row in panels:
        assert points(row[0]) == {0.5: {False}, 1.0: {True}}
        assert points(row[1]) == {0.5: {True}, 1.0: {True}}


def test_scaling_is_hollow_where_not_converged(table, theory):
    (ax,) = scaling.draw(scaling.Data(table.isel(N=-1), theory, {-0.5: 1.0})).axes
    assert points(ax) == {2.0: {False, True}, 5.0: {True}}


def test_extrapolation_is_hollow_where_not_converged(table, fits):
    fits["converged"][:] = table["converged"].isel(N=0)
    for name in ("q", "R_int", "Y", "Q2"):
        fits[f"{name}_enough"][:] = 1
    for beta, hollow in ((0, False), (1, True)):
        figure = extrapolation.draw((table.isel(g=0, beta=beta), fits.isel(g=0, beta=beta)))
        for ax in figure.axes:
            assert points(ax) == {0.0: {hollow}, 1 / 4: {hollow}, 1 / 8: {hollow}}


def test_the_extrapolated_value_is_hollow_where_the_sizes_do_not_suffice(table, fits):
    fits["converged"][:] = 1
    for name in ("q", "R_int", "Y", "Q2"):
        fits[f"{name}_enough"][:] = 0
    for ax in extrapolation.draw((table.isel(g=0, beta=0), fits.isel(g=0, beta=0))).axes:
        assert points(ax)[0.0] == {True}


def test_extrapolation_draws_the_fitted_power_of_N(table, fits):
    for name in ("q", "R_int", "Y", "Q2"):
        fits[f"{name}_omega"][:] = 2.0
    cell = fits.isel(g=0, beta=0)
    line = extrapolation.draw((table.isel(g=0, beta=0), cell)).axes[0].lines
    x, y = max((one.get_data() for one in line), key=lambda data: len(data[0]))
    np.testing.assert_allclose(y, float(cell["q"]) + float(cell["q_slope"]) * np.square(x))


def test_effective_couplings_are_hollow_where_not_converged():
    cells = {"gamma": 0.0, "g": [0.5, 1.0], "beta": [2.0]}
    one = xr.DataArray([[0.6], [0.9]], {"g": cells["g"], "beta": cells["beta"]}, ("g", "beta"))
    table = xr.Dataset({"g_fit": one, "g_fit_err": one}, cells).assign(
        converged=(("g", "beta"), [[1.0], [0.0]]), points=1, within_2=1.0
    )
    for ax in effective.draw(table).axes[:2]:
        assert points(ax) == {0.5: {False}, 1.0: {True}}


def test_a_verdict_needs_converged_points_and_enough_sizes(fits):
    fits["converged"][:] = [[1, 1], [0, 1]]
    for name in ("q", "R_int", "Y", "Q2"):
        fits[f"{name}_enough"][:] = [[1, 0], [1, 1]]
    for ax in z_scores.draw(fits).axes[:4]:
        hatched = {p.get_xy() for p in ax.patches if isinstance(p, Rectangle) and p.get_hatch()}
        assert hatched == {(0.5, -0.5), (-0.5, 0.5)}, "(beta, g) = (1, 0) and (0, 1)"


def science(tiny_sweep, group):
    return store.read_table(tiny_sweep[1], "fits", group).isel(gamma=0)


def words(figure):
    return " ".join(text.get_text() for ax in figure.axes for text in ax.texts)


def test_exponents_show_what_is_known_and_say_what_is_not(tiny_sweep):
    critical = science(tiny_sweep, "critical")
    assert words(exponents.draw(critical)).count("not enough") == 2
    critical["exponent"][:], critical["exponent_err"][:], critical["exponent_enough"][:] = -0.5, 0.1, 1
    critical["collapse_g_c"], critical["collapse_g_c_err"] = 1.0, 0.1
    figure = exponents.draw(critical)
    assert "not enough" not in words(figure)
    assert points(figure.axes[0]) == {0.5: {False}, 1.0: {False}}


def test_the_overlap_is_hollow_where_not_converged(tiny_sweep, table):
    fit = science(tiny_sweep, "overlap")[["verdict", "Q_abs_limit", "Q_abs_slope"]]
    figure = overlap.draw(([table.assign(fit).isel(g=k, beta=k) for k in (0, 1)], {}))
    assert points(figure.axes[0]) == {4.0: {False, True}, 8.0: {False, True}}
    assert "not enough samples" in words(figure)


def test_the_response_is_hollow_where_not_converged(tiny_sweep, table):
    check = science(tiny_sweep, "response")
    figure = response.draw(check.assign(converged=table["converged"]))
    drawn = [hollow for found in points(figure.axes[0]).values() for hollow in found]
    assert drawn.count(False) == 2 and drawn.count(True) == 6
    empty = response.draw((check * np.nan).assign(converged=table["converged"]))
    assert words(empty).count("not enough saved trajectories") == 2


@pytest.fixture
def convergence_figure(tiny_sweep, table):
    """``draw(limits, changed)``: panels and colour bars for the tiny sweep, or changed data of it."""
    config, path = tiny_sweep
    data, _ = convergence.select(Results(path, config), Figure("convergence", 0.0))

    def draw(limits=Convergence(), changed=lambda data: data):  # noqa: B008
        shown = data.assign(table[["converged", "converged_seeds"]]).copy(deep=True)
        figure = convergence.draw((changed(shown), limits))
        return np.reshape(figure.axes[:8], (4, 2)), figure.axes[8:]

    return draw


def test_points_that_are_not_converged_have_a_dot_beside_every_criterion(convergence_figure, table):
    table["converged"][:] = 0
    table["converged"][{"g": 0, "beta": 0}] = 1
    table["converged_seeds"][{"N": 1, "g": 1, "beta": 1}] = np.nan
    panels, _ = convergence_figure()
    for row in panels[:3]:
        dots = [set(zip(*ax.lines[0].get_data(), strict=True)) for ax in row]
        assert dots[0] == {(1, 0), (0, 1), (1, 1)}, "(beta, g) of all but the first"
        assert dots[1] == {(1, 0), (0, 1)}, "none where nothing was sampled"


CRITERIA = {"rhat": (0, 1.2, 1.3, 1.15), "ess": (1, 30.0, 20.0, 40.0), "cold_hot": (2, 7.0, 8.0, 6.0)}


@pytest.mark.parametrize("name", CRITERIA)
def test_colours_change_sides_at_the_limit_of_the_config(convergence_figure, name):
    row, limit, bad, good = CRITERIA[name]

    def changed(found):
        found[name][:] = xr.DataArray([[limit, bad], [good, np.nan]], dims=("g", "beta"))
        return found

    panels, bars = convergence_figure(Convergence(**{name: limit}), changed)
    (image,) = panels[row, 0].images
    red, _, blue = np.moveaxis(image.to_rgba(image.get_array())[..., :3], -1, 0)
    assert abs(red - blue)[0, 0] < 0.02 < red[0, 1] - blue[0, 1]
    assert blue[1, 0] - red[1, 0] > 0.02
    assert image.get_array().mask.tolist() == [[False, False], [False, True]], "no colour without a value"
    middle = [label for label in bars[row].get_yticklabels() if label.get_fontweight() == "bold"]
    assert [(label.get_text(), label.get_position()[1]) for label in middle] == [(f"{limit:g}", 0.0)]


def test_values_beyond_any_scale_are_drawn_on_the_good_side(convergence_figure):
    """R-hat of finite chains may be below 1, and a limit on the sample size may be 0."""

    def changed(found):
        return found.assign(rhat=0.999 * xr.ones_like(found["rhat"]))

    panels, _ = convergence_figure(Convergence(ess=0.0), changed)
    for ax in panels[:2].ravel():
        data = ax.images[0].get_array()
        assert not np.ma.is_masked(data) and (data < 0.0).all()


def test_round_trips_have_a_point_for_every_realisation(convergence_figure, tiny_sweep):
    seeds = store.read_table(tiny_sweep[1], "order_parameters", "per_seed").isel(gamma=0, g=0, beta=0)
    panels, _ = convergence_figure()
    for N, ax in enumerate(panels[3]):
        drawn = [line.get_ydata() for line in ax.lines if line.get_marker() == "o"]
        for axis, values in zip(("beta", "g"), drawn, strict=True):
            np.testing.assert_array_equal(np.sort(values), np.sort(seeds[f"round_trips_{axis}"].isel(N=N)))
            assert (values <= ax.get_ylim()[1]).all(), "none is cut off"


def test_an_axis_without_exchange_says_so(convergence_figure):
    panels, _ = convergence_figure(changed=lambda data: data.assign(round_trips_g=np.nan * data["round_trips_g"]))
    for ax in panels[3]:
        assert [text.get_text() for text in ax.texts] == ["no exchange"]
        assert sum(line.get_marker() == "o" for line in ax.lines) == 1


def test_values_that_are_missing_are_not_drawn(table, theory):
    table["q"][{"g": 1}] = np.nan
    panel = order_parameters.draw(order_parameters.Data(table, theory)).axes[0]
    assert set(points(panel)) == {0.5}


def test_an_observable_of_the_users_has_a_row_without_theory(table, theory):
    own = Observable("kurtosis", r"\kappa", "kurtosis", "<x^4> / <x^2>^2", "state", drawn=True)
    table = table.assign(kurtosis=table["q"], kurtosis_err=table["q_err"])
    data = order_parameters.Data(table, theory, (*OBSERVABLES.values(), own))
    panels = np.reshape(order_parameters.draw(data).axes, (6, 2))
    assert panels[-1, 0].get_ylabel() == "kurtosis\n$\\kappa$"
    for theories, row in ((1, panels[0]), (0, panels[-1])):
        for ax in row:
            assert [line.get_label() for line in ax.lines].count("replica theory") == theories
            assert set(points(ax)) == {0.5, 1.0}


@pytest.fixture
def relabelled(tiny_sweep, monkeypatch):
    """``relabelled(gamma)``: the tiny sweep, as if its couplings had another reciprocity."""

    def results(gamma):
        config, path = tiny_sweep
        read = Results.read
        monkeypatch.setattr(Results, "read", lambda self, *table: read(self, *table).assign_coords(gamma=[gamma]))
        return Results(path, config)

    return results


def test_every_figure_of_one_gamma_is_drawn_where_it_is_not_zero(relabelled):
    results = relabelled(0.5)
    for kind in ("order-parameters", *PER_GAMMA):
        figure = MODULES[kind].draw(MODULES[kind].select(results, Figure(kind, 0.5)))
        figure.draw_without_rendering()


def test_figures_are_drawn_where_there_is_no_edge_of_chaos(tiny_sweep, relabelled):
    results = relabelled(-1.0)
    for kind in ("scaling", "extrapolation", "overlap"):
        MODULES[kind].draw(MODULES[kind].select(results, Figure(kind, -1.0)))
    critical = science(tiny_sweep, "critical").assign(g_c_theory=np.inf)
    exponents.draw(critical).draw_without_rendering()


def test_the_scaling_figure_has_the_slopes_of_its_gamma(relabelled):
    data = scaling.select(relabelled(0.5), Figure("scaling", 0.5))
    (ax,) = scaling.draw(data).axes
    assert [text.get_text() for text in ax.texts] == ["slope -1", "slope -0.667", "slope 0"]
    dashed = [line.get_data() for line in ax.lines if line.get_linestyle() == "--"]
    slopes = [np.polyfit(np.log(beta), np.log(q), 1)[0] for beta, q in dashed]
    np.testing.assert_allclose(slopes, [-1.0, -2.0 / 3.0, 0.0], atol=1e-12)
    assert data.guides[-2.0 / 3.0] == 1.0 / 1.5, "at the edge of chaos, which no sample is at"


@pytest.mark.parametrize(
    ("gamma", "eta", "slopes"),
    [
        (0.0, 0.0, {-1.0: 0.3, -0.5: 1.0, 0.0: 1.5}),
        (0.0, 0.1, {}),
        (-0.5, 0.0, {}),
        (1.0, 0.0, {-1.0: 0.3, -0.75: 0.5, 0.0: 1.5}),
        (-0.9, 0.0, {}),
    ],
)
def test_slopes_are_predicted_where_there_is_a_continuous_transition(gamma, eta, slopes):
    assert scaling.guides(np.array([0.3, 0.9, 1.5]), gamma, eta) == slopes
    caption = Figure("scaling", gamma, eta=eta).caption
    assert ("No slope is predicted" in caption) == (not slopes) == ("Dashed" not in caption)


@pytest.mark.parametrize("gamma", [0.0, 0.25, 0.5, 1.0])
def test_captions_name_the_exponents_of_their_gamma(gamma):
    edge, second = 1.0 / (1.0 + gamma), (1.0 + gamma) ** -0.5
    phrases = {"below": 0.9 * edge, "at it": edge, "up to": 0.5 * (edge + second), "there": second, "beyond": 2.0}
    if gamma == 0.0:
        phrases = {"below": 0.9, "at it": 1.0, "above it": 1.1}
    for kind in ("scaling", "exponents"):
        for words, g in phrases.items():
            exponent = Fraction(asymptotic_exponent(g, gamma)).limit_denominator(9)
            assert f"{exponent} {words}" in Figure(kind, gamma).caption


@pytest.mark.parametrize("kind", CAPTIONS)
def test_captions_are_complete_sentences(kind):
    caption = Figure(kind, 0.5).caption
    assert caption.endswith(".") and not set("{}") & set(caption)


SMALL = {"one size": {"N": [4]}, "one cell": {"N": [4], "g": [0.5], "beta": [3.0], "seeds": 1}}


@pytest.mark.heavy
@pytest.mark.parametrize("block", SMALL.values(), ids=SMALL)
def test_a_sweep_with_axes_of_one_value_is_drawn(tmp_path, block):
    sampler = {"burn_in": 50, "steps": 20, "n_leapfrog": 2, "save": {"trajectories": 0}}
    block = {"N": [4, 8], "g": [0.5, 1.0], "beta": [2.0, 5.0], "seeds": 2} | block
    config = parse({"name": "small", "blocks": {"main": block}, "sampler": sampler})
    results = run_sweep(config, directory=tmp_path)
    assert len(list((results / "figures").rglob("*.svg"))) == len(figures(config))
