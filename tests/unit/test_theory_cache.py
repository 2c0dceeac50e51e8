"""Theory tables are read back as they were solved, and solved again when anything changed."""

import numpy as np
import pytest
import xarray as xr

from nsslib import theory, theory_cache
from nsslib.model import Phi
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


@pytest.mark.parametrize("solver", [solve_cached, theory.solve])
def test_every_point_is_told(solver):
    for _ in range(2):
        told = []
        solver([0.8, 1.2], [10.0, 20.0], [0.0, 0.3, 0.5], told=lambda done, total: told.append((done, total)))  # noqa: B023
        assert told[-1] == (12, 12) and {total for _, total in told} == {12}
        assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_an_interrupted_run_keeps_what_it_finished(monkeypatch):
    grid = ([0.8, 1.2], [10.0, 20.0], [0.0, 0.3, 0.5])

    def interrupt(done, total):
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve_cached(*grid, told=interrupt)
    asked, solve = [], theory.solve
    monkeypatch.setattr(theory, "solve", lambda *a, **k: asked.append(a[2]) or solve(*a, **k))
    assert solve_cached(*grid).converged.all() and asked == [0.3, 0.5]


def test_a_cache_that_cannot_be_written_is_no_loss(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NSSLIB_CACHE", str(tmp_path / "file" / "below"))
    assert solve_cached(1.2, 10.0).converged


def test_functions_are_not_kept(tmp_path):
    algebraic = Phi(
        "algebraic", lambda x: x / np.sqrt(1 + x * x), lambda x: (1 + x * x) ** -1.5, lambda x: -3 * x / (1 + x * x)
    )
    assert solve_cached(1.2, 10.0, phi=algebraic).converged and not list(tmp_path.iterdir())


def test_tables_lie_where_the_user_says(tmp_path):
    assert theory_cache.directory() == tmp_path
