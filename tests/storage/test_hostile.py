"""Names and files of bad intent: none leaves its directory, reaches a shell, or is unpickled."""

import hashlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nsslib
from nsslib import UserError, cli
from nsslib.config.files import dump, parse, schema
from nsslib.grid.batch import batches
from nsslib.grid.task import shards
from nsslib.report.catalogue import figures
from nsslib.storage import checkpoint, store

NAMES = [
    "..", ".", "../up", "a/b", "/etc", "a\\b", "a b", "", "-rf", "~", "*", "%n", "{batch}", "é", "a\0", "main\n",
    "a\nb", "$(touch pwned)", "`touch pwned`", "x;touch pwned", "x|touch pwned", "x&touch pwned", "x'$(touch pwned)",
    "a" * 65,
]  # fmt: skip
PATHS = ["../up", "a b", "-rf", "$(touch pwned)", "`touch pwned`", "x;touch pwned", "x'$(touch pwned)"]


def config(name="safe", block="main"):
    return {"name": name, "blocks": {block: {"N": [4], "g": [0.5], "beta": [2.0], "seeds": 1}},
            "sampler": {"burn_in": 60, "steps": 40, "save": {"trajectories": 0}}}  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory inside another: what escapes is found."""
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    yield inside
    assert [p.name for p in tmp_path.iterdir()] == ["inside"], "nothing escapes"
    assert not list(tmp_path.rglob("pwned*")), "nothing is executed"


@pytest.mark.parametrize("name", NAMES, ids=repr)
@pytest.mark.parametrize("key", ["name", "block"])
def test_a_hostile_name_never_passes_the_config(name, key):
    with pytest.raises(UserError, match="is no name"):
        parse(config(**{key: name}))


def test_no_config_value_is_free_text():
    def free(node, key_path):
        """Keys of the schema that accept any string."""
        if isinstance(node, dict):
            if node.get("type") == "string" and not node.keys() & {"enum", "const", "pattern"}:
                yield key_path
            for key, value in node.items():
                yield from free(value, f"{key_path}.{key}")
        elif isinstance(node, list):
            for k, value in enumerate(node):
                yield from free(value, f"{key_path}[{k}]")

    assert not list(free(json.loads(schema()), ""))


def test_every_path_of_a_sweep_lies_in_its_directory(tmp_path):
    extreme = parse(config("Z-9_", "0-_") | {
        "blocks": {"0-_": {"gamma": [-1.0, -1e-7, 0.1 + 0.2], "N": [1, 65536], "g": [0.0, 1e-9], "beta": [1e-6, 1e8],
                           "seeds": [0, 2**32 - 1]}}})  # fmt: skip
    paths = [s.path for s in shards(extreme)] + [b.manifest for b in batches(extreme)] + list(figures(extreme))
    for path in paths:
        assert (tmp_path / path).resolve() == tmp_path / path, "no '..', no link, nothing absolute"
        assert not set(path) & set(" \n\t\"'`$;&|<>*?[]{}()\\~!#"), "harmless even to a shell"


@pytest.mark.parametrize(
    "path",
    [p for p in PATHS if p[0] != "."] + ["x?y", "x#y", "x\n"],
    ids=repr,
)
def test_a_shard_goes_to_the_place_that_was_named_literally(here, path):
    out = here / path / path
    nsslib.simulate(4, 0.5, 2.0, steps=40, burn_in=60, progress=False, out=out)
    assert (out / "zarr.json").exists()
    assert [p.name for p in here.iterdir()] == [path]


@pytest.mark.heavy
def test_a_sweep_goes_to_the_directory_that_was_named_literally(here):
    name = "a b;$(touch pwned)"
    assert nsslib.run_sweep(config(), directory=name) == here / name / "safe"
    assert [p.name for p in here.iterdir()] == [name]


@pytest.mark.parametrize("command", ["plan", "simulate", "status", "validate", "open"])
@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_a_hostile_argument_is_a_path_that_is_not_there(here, monkeypatch, capsys, command, path):
    monkeypatch.setattr(sys, "argv", ["nss", command, "--", path])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("nss: ")
    assert not list(here.iterdir())


def test_status_refuses_a_config_of_results_that_points_elsewhere(here, monkeypatch, capsys):
    data = dump(parse(config()))
    data["blocks"]["../../up"] = data["blocks"].pop("main")
    (here / "config.json").write_text(json.dumps(data))
    monkeypatch.setattr(sys, "argv", ["nss", "status", "."])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert "'../../up' is no name" in capsys.readouterr().err


class Bomb:
    """Unpickled, it writes a file."""

    def __reduce__(self):
        return Path.touch, (Path("pwned"),)


def test_a_pickle_in_a_checkpoint_is_not_executed(here, make_shard):
    shard = make_shard()
    archive = io.BytesIO()
    np.savez(archive, settings=np.array(json.dumps(shard.settings())), X=np.array([Bomb()], dtype=object))
    content = archive.getvalue()
    (here / "c.npz").write_bytes(content + hashlib.sha256(content).digest())
    state, remarks = checkpoint.load(here / "c.npz", shard.settings())
    assert state is None
    assert "damaged checkpoint ignored" in remarks[0]


@pytest.mark.filterwarnings("ignore")
def test_a_pickle_in_a_store_is_not_executed(here, tiny_sweep):
    """Zarr 2 could filter an array through pickle; a sealed store is Zarr 3, which cannot."""
    import pickle

    results = shutil.copytree(tiny_sweep[1], here / "tiny")
    path = next((results / "shards").rglob("seed=0.zarr"))
    q = path / "observables" / "q"
    shutil.rmtree(q)
    q.mkdir()
    (q / ".zarray").write_text(json.dumps({
        "zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|O", "fill_value": None, "order": "C",
        "compressor": None, "filters": [{"id": "pickle", "protocol": 5}]}))  # fmt: skip
    (q / ".zattrs").write_text(json.dumps({"_ARRAY_DIMENSIONS": ["draw"]}))
    (q / "0").write_bytes(pickle.dumps(Bomb()))
    # Sealed again, as who can write the store can do.
    metadata = json.loads((path / "zarr.json").read_text())
    metadata.pop("consolidated_metadata")
    metadata["attributes"] |= store.digest(path)
    (path / "zarr.json").write_text(json.dumps(metadata))
    metadata["attributes"] |= store.digest(path)
    (path / "zarr.json").write_text(json.dumps(metadata))
    # The store is accepted and read: what keeps the bomb from going off is that Zarr 3 does not see its array.
    store.check(path, "shard")
    observables = store.read(path, "shard")["observables"].to_dataset().load()
    assert "Q" in observables and "q" not in observables
    assert not list(here.rglob("pwned*"))


def test_no_module_of_ours_unpickles():
    """Dask pickles its own messages between its processes; files are never unpickled."""
    package = Path(nsslib.__file__).parent
    modules = [*package.rglob("*.py"), *(package.parent / "snakemake_executor_plugin_dask").glob("*.py")]
    assert {package / "storage" / "store.py", package / "storage" / "checkpoint.py"} <= set(modules)
    for module in modules:
        text = module.read_text(encoding="utf-8")
        assert "pickle" not in text.replace("allow_pickle=False", "").replace("pickled objects", ""), module


@pytest.mark.heavy
def test_a_hostile_config_never_starts_a_workflow(here):
    """Snakemake writes config values into the commands of jobs: mistakes end the run before there is one."""
    root = Path(nsslib.__file__).parents[1]
    (here / "sweep.json").write_text(json.dumps(config("x'$(touch pwned)")))
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--snakefile", root / "Snakefile", "--cores", "1",
         "--configfile", "sweep.json"], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "is no name" in done.stderr
    assert not (here / "results").exists()
