"""The overview: valid reStructuredText with the verdicts before the table of converged beta."""

import numpy as np
import pytest
import xarray as xr
from docutils.core import publish_string

from nsslib.analysis.comparison.verdicts import AGREE, DISAGREE, OPEN, Verdict
from nsslib.report.overview import overview


@pytest.fixture
def page():
    found = [
        Verdict(0.0, "norm |x|^2 at N = infinity", AGREE, "chi2 = 3.1 for 4.0 independent cells, p = 0.5"),
        Verdict(0.0, "overlap", OPEN, "undecided in 12"),
        Verdict(0.5, "coupling", DISAGREE, "50% of 10 cells within 2 sigma"),
    ]
    dims, shape = ("gamma", "N", "g"), (2, 1, 3)
    beta = np.broadcast_to([100.0, 30.0, np.nan], shape).copy()
    sampled = np.full(shape, 300.0)
    sampled[1, :, 0] = np.nan  # at gamma = 0.5 nothing was sampled there
    table = xr.Dataset(
        {"beta_max": (dims, beta), "beta_sampled": (dims, sampled)},
        {"gamma": [0.0, 0.5], "N": [64], "g": [0.8, 1.0, 1.2]},
    )
    return overview(found, table)


def test_the_page_is_valid_and_tells_verdicts_first(page):
    html = publish_string(page, writer="html", settings_overrides={"halt_level": 2, "report_level": 2}).decode()
    places = [html.index(words) for words in (AGREE, OPEN, "Largest converged beta", DISAGREE)]
    assert places == sorted(places)
    assert "norm |x|^2 at N = infinity" in html
    assert html.count("the largest sampled one is 300") == 2


def test_couplings_without_samples_are_left_out(page):
    first, second = page.split("gamma = 0.5")[0], page.split("Largest converged beta at gamma = 0.5")[1]
    assert "0.8" in first
    assert "0.8" not in second and "1.2" in second
