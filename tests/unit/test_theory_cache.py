"""Theory tables are read back as they were solved, and solved again when anything changed."""

import numpy as np
import pytest
import xarray as xr

from nsslib import theory, theory_cache
from nsslib.theory_cache import solve_cached


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NSSLIB_CACHE", str(tmp_path))


GRIDS = {
    "grid": ([0.8, 1.2], [10.0, np.inf], [0.0, 0.5]),
    "scalars": (1.2, 10.0, 0.0),
    "one axis": ([0.8, 1.2], 10.0, 0.3),
}


@pytest.mark.parametrize("branch", ["stable", "all"])
@pytest.mark.parametrize("grid", GRIDS)
def test_tables_are_those_of_solve_and_come_back_the_same(grid, branch):
    expected = theory.solve(*GRIDS[grid], branch=branch)
    solved = solve_cached(*GRIDS[grid], branch=branch)
    again = solve_cached(*GRIDS[grid], branch=branch)
    for found in (solved, again):
        assert set(found.variables) == set(expected.variables)
        for name, values in expected.data_vars.items():
            assert found[name].dims == values.dims
            np.testing.assert_array_equal(found[name], values)


def test_a_known_grid_is_not_solved_again(monkeypatch):
    solve_cached([0.8, 1.2], 10.0)
    monkeypatch.setattr(theory, "solve", lambda *_, **__: pytest.fail("solved again"))
    solve_cached([0.8, 1.2], 10.0)
    with pytest.raises(pytest.fail.Exception, match="solved again"):
        solve_cached([0.8, 1.2], 10.0, eta=0.1)


def test_a_damaged_table_is_solved_again(tmp_path):
    first = solve_cached([0.8, 1.2], 10.0)
    for chunk in tmp_path.rglob("q/c/*"):
        chunk.write_bytes(b"")
    xr.testing.assert_equal(solve_cached([0.8, 1.2], 10.0)["q"], first["q"])


def test_every_row_is_told():
    told = []
    solve_cached([0.8, 1.2], [10.0, 20.0], [0.0, 0.3, 0.5], lambda done, total: told.append((done, total)))
    assert told == [(n, 6) for n in range(1, 7)]


def test_tables_lie_where_the_user_says(tmp_path):
    assert theory_cache.directory() == tmp_path
