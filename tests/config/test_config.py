"""A bad config never starts: one line names the file, the key and what would be right."""

import json
import re
from functools import reduce
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from nsslib.config.files import dump, load, parse, render, schema
from nsslib.config.schema import DEMO, Config
from nsslib.errors import UserError

CONFIG = Path(__file__).parents[2] / "config"
REGENERATE = "drifted from nsslib.config.schema; run `python -m nsslib.config.files config`"


def sections(**given):
    """Text of a valid config with the given sections, each a line of YAML."""
    return "\n".join(["name: test", BLOCKS, *(f"{key}: {value}" for key, value in given.items())])


def block(**given):
    """Text of a config whose only block has the given keys; None leaves a key out."""
    keys = {"N": "[8]", "g": "[1.0]", "beta": "[3.0]", "seeds": "1"} | given
    body = ", ".join(f"{key}: {value}" for key, value in keys.items() if value is not None)
    return f"name: test\nblocks: {{main: {{{body}}}}}"


BLOCKS = block().splitlines()[1]


@pytest.fixture
def refusal(tmp_path):
    """``refusal(text)``: what `load` says about a config file of this text, its path taken off."""

    def refuse(text):
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError) as error:
            load(path)
        line = str(error.value)
        assert line.startswith(f"{path}: ")
        assert "\n" not in line, "one mistake, one line"
        return line.removeprefix(f"{path}: ")

    return refuse


MISSPELT = [
    (sections(samplr="{}"), "samplr", "sampler"),
    (sections(model="{phy: tanh}"), "model.phy", "phi"),
    (block(betta="[1.0]"), "blocks.main.betta", "beta"),
    (sections(sampler="{stepz: 100}"), "sampler.stepz", "steps"),
    (sections(sampler="{save: {observable: 2}}"), "sampler.save.observable", "observables"),
    (sections(sampler="{exchange: {evry: 2}}"), "sampler.exchange.evry", "every"),
    (sections(convergence="{rhatt: 1.1}"), "convergence.rhatt", "rhat"),
]


@pytest.mark.parametrize(("text", "key", "meant"), MISSPELT, ids=[key for _, key, _ in MISSPELT])
def test_a_misspelt_key_is_named_with_the_nearest_valid_one(refusal, text, key, meant):
    assert refusal(text) == f"{key}: unknown key; did you mean {meant!r}?"


def mappings(model, path=()):
    """Path of every section of a config."""
    yield path
    for key, value in model:
        members = {(key,): value} if not isinstance(value, dict) else {(key, name): v for name, v in value.items()}
        for more, member in members.items():
            if isinstance(member, BaseModel):
                yield from mappings(member, path + more)


SECTIONS = list(mappings(parse({**dump(DEMO), "sampler": {"stop_when": True}})))


@pytest.mark.parametrize("path", SECTIONS, ids=lambda path: ".".join(path) or "root")
def test_a_misspelt_key_of_any_section_gets_the_keys_of_that_section(path):
    data = {**dump(DEMO), "sampler": {"stop_when": {}, "exchange": {}, "save": {}}}
    section = reduce(lambda mapping, key: mapping[key], path, data)
    section["xyzzy"] = 1
    with pytest.raises(UserError, match=re.escape(f"config: {'.'.join((*path, 'xyzzy'))}: unknown key; choose from ")):
        parse(data)


CHOICES = [
    (sections(model="{phi: tahn}"), "model.phi", "tanh"),
    (sections(sampler="{integrator: hcm}"), "sampler.integrator", "hmc"),
    (sections(sampler="{precision: float46}"), "sampler.precision", "float64"),
    (sections(sampler="{step_size: atuo}"), "sampler.step_size", "auto"),
]


@pytest.mark.parametrize(("text", "key", "meant"), CHOICES, ids=[key for _, key, _ in CHOICES])
def test_an_unknown_choice_is_named_with_the_nearest_valid_one(refusal, text, key, meant):
    line = refusal(text)
    assert line.startswith(f"{key}: ")
    assert f"did you mean {meant!r}?" in line


IMPOSSIBLE = [
    # grids
    (block(beta="[-1.0, 3.0]"), "blocks.main.beta", "-1.0"),
    (block(beta="[0.0]"), "blocks.main.beta", "greater than or equal to 0.000001"),
    (block(beta="[3.0, .inf]"), "blocks.main.beta", "inf"),
    (block(g="[]"), "blocks.main.g", "[]"),
    (block(g="[.nan]"), "blocks.main.g", "nan"),
    (block(g="[strong]"), "blocks.main.g", "strong"),
    (block(g="1.0"), "blocks.main.g", "list"),
    (block(g="[true]"), "blocks.main.g", "True"),
    (block(g="[-0.1]"), "blocks.main.g", "-0.1"),
    (block(g="[1.0, 0.5]"), "blocks.main.g", "increasing"),
    (block(g="[1.0, 1.0]"), "blocks.main.g", "increasing"),
    (block(g="{linspace: [0, 1]}"), "blocks.main.g", "[first, last, count]"),
    (block(g="{linspace: [0, 1, 2.5]}"), "blocks.main.g", "2.5"),
    (block(g="{linspace: [0, 1, .nan]}"), "blocks.main.g", "nan"),
    (block(g="{linspace: [0, 1, .inf]}"), "blocks.main.g", "inf"),
    (block(g="{linspace: [0, .inf, 3]}"), "blocks.main.g", "inf"),
    (block(g="{linspace: [1, 0, 3]}"), "blocks.main.g", "increasing"),
    (block(g="{logspace: [0, 1, 3]}"), "blocks.main.g", "geomspace"),
    (block(beta="{geomspace: [0, 1, 3]}"), "blocks.main.beta", "> 0"),
    (block(gamma="[1.5]"), "blocks.main.gamma", "1.5"),
    (block(N="[0]"), "blocks.main.N", "0"),
    (block(N="[8.5]"), "blocks.main.N", "8.5"),
    (block(N="8"), "blocks.main.N", "list"),
    (block(N="[8, 4]"), "blocks.main.N", "increasing"),
    (block(seeds="[1, 1]"), "blocks.main.seeds", "repeated: 1"),
    (block(seeds="[-1]"), "blocks.main.seeds", "-1"),
    (block(seeds="0"), "blocks.main.seeds", "0 seeds"),
    (block(seeds="true"), "blocks.main.seeds", "True"),
    (block(g="[" + "9" * 400 + "]"), "blocks.main.g.0", "valid number"),
    (block(g="{linspace: [0, " + "9" * 400 + ", 3]}"), "blocks.main.g", "finite"),
    (block(g="{linspace: [0, 1, 1e9]}"), "blocks.main.g", "100000"),
    (block(g="{linspace: [-2, -1, 50000]}"), "blocks.main.g", "-2.0"),
    (block(beta=None), "blocks.main.beta", "missing"),
    # sampler
    (sections(sampler="{step_size: 0}"), "sampler.step_size", "greater than 0"),
    (sections(sampler="{step_size: -0.1}"), "sampler.step_size", "-0.1"),
    (sections(sampler="{replicas: 1}"), "sampler.replicas", "2"),
    (sections(sampler="{steps: many}"), "sampler.steps", "many"),
    (sections(sampler="{steps: 10}"), "sampler.steps", "5 draws"),
    (sections(sampler="{burn_in: 10}"), "sampler.burn_in", "50"),
    (sections(sampler="{save: {observables: 5000, trajectories: 0}}"), "sampler.save.observables", "5000"),
    (sections(sampler="{save: {observables: 3}}"), "sampler.save.trajectories", "no multiple"),
    (sections(sampler="{exchange: {acceptance: 2}}"), "sampler.exchange.acceptance", "less than 1"),
    (sections(sampler="{exchange: 3}"), "sampler.exchange", "3"),
    (sections(sampler="{exchange: {Exchange: 1}}"), "sampler.exchange.Exchange", "choose from"),
    (sections(sampler="{steps: 1e400}"), "sampler.steps", "inf"),
    (sections(sampler="{stop_when: {hours: soon}}"), "sampler.stop_when.hours", "soon"),
    (sections(sampler="[hmc]"), "sampler", "hmc"),
    # the rest
    (sections(model="{eta: -1}"), "model.eta", "-1"),
    (sections(convergence="{rhat: 1.0}"), "convergence.rhat", "greater than 1"),
    (block().replace("test", "a/b"), "name", "a/b"),
    (block().replace("test", ".."), "name", ".."),
    (BLOCKS, "name", "missing"),
    ("name: test", "blocks", "missing"),
    ("name: test\nblocks: {}", "blocks", "at least 1"),
    (block().replace("main", "ma/in"), "blocks.ma/in", "no name"),
    (block() + "\nname: again", "name", "given twice"),
    (block(g="[0.5], g: [1.0]"), "g", "given twice"),
]


@pytest.mark.parametrize(("text", "key", "why"), IMPOSSIBLE, ids=[f"{k}: {w}" for _, k, w in IMPOSSIBLE])
def test_an_impossible_value_is_refused_with_its_key_and_the_reason(refusal, text, key, why):
    line = refusal(text)
    named = line.split(": ")[0]
    assert named == key or named.startswith(f"{key}."), f"the line begins with {named!r}"
    assert why in line


def test_cells_of_two_blocks_must_not_overlap(refusal):
    body = block().splitlines()[1].removeprefix("blocks: {main: ").removesuffix("}")
    line = refusal(f"name: test\nblocks: {{a: {body}, b: {body}}}")
    assert line.startswith("blocks.b: ") and "block 'a'" in line and "N=8, g=1.0, beta=3.0, seed=0" in line


@pytest.mark.parametrize(("text", "why"), [("name: [x", "not YAML"), ("- 1", "mapping"), ("", "mapping")])
def test_a_file_that_is_no_mapping_is_refused(refusal, text, why):
    assert why in refusal(text)


SELVES = ["model: &m {phi: *m}", "model: &m [*m]", "model: &m {*m : 1}", "model: {? &a [*a] : 1, ? &b [*b] : 1}"]


@pytest.mark.parametrize("text", SELVES)
def test_a_file_that_contains_itself_is_refused(refusal, text):
    line = refusal(f"{block()}\n{text}")
    assert "contains itself" in line or "not YAML" in line


DEEP = {
    "flow lists": "[" * 10_000 + "]" * 10_000,
    "flow mappings": "{a: " * 10_000 + "1" + "}" * 10_000,
    "open brackets": "[" * 10_000,
    "block lists": "\n " + "- " * 10_000 + "1",
    "block mappings": "\n " + "? " * 10_000 + "1",
}


@pytest.mark.parametrize("value", DEEP.values(), ids=DEEP)
def test_ten_thousand_levels_are_refused_in_one_line(refusal, value):
    assert "nested too deeply" in refusal(f"{block()}\nmodel:{' ' * (value[0] != chr(10))}{value}")


def test_a_mapping_indented_by_ten_thousand_levels_is_refused_in_one_line(tmp_path):
    path = tmp_path / "config.yaml"
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(f"{' ' * level}a:\n" for level in range(10_000))
    with pytest.raises(UserError, match=r"^[^\n]*nested too deeply[^\n]*$"):
        load(path)


@pytest.mark.parametrize("depth", [50, 250])
def test_a_value_that_the_loader_can_read_is_shown_by_its_beginning(refusal, depth):
    line = refusal(f"{block()}\nmodel: {'[' * depth}{']' * depth}")
    assert line.startswith("model: ") and len(line) < 310


def test_a_mapping_from_python_that_contains_itself_is_refused():
    model = {}
    model["phi"] = model
    with pytest.raises(UserError, match="contains itself"):
        parse({"name": "test", "model": model})


IMPOSSIBLE_SCALARS = ["2020-31-01", "9" * 5000, "!!float abc", "!!binary x", "!!python/name:os.system"]


@pytest.mark.parametrize("value", IMPOSSIBLE_SCALARS, ids=[value[:20] for value in IMPOSSIBLE_SCALARS])
def test_a_value_that_yaml_cannot_read_is_refused_in_one_line(refusal, value):
    assert refusal(f"{block()}\nmodel: {{eta: {value}}}").startswith("not YAML: ")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    for name, why in (("missing.yaml", "no such config file"), (".", "cannot be read"), ("binary.yaml", "utf-8")):
        with pytest.raises(UserError, match=why) as error:
            load(tmp_path / name)
        assert str(error.value).startswith(str(tmp_path / name))


def test_every_mistake_has_its_line(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(sections(sampler="{stepz: 1, replicas: 1}", modl="{}"), encoding="utf-8")
    with pytest.raises(UserError) as error:
        load(path)
    keys = [line.split(": ")[1] for line in str(error.value).splitlines()]
    assert sorted(keys) == ["modl", "sampler.replicas", "sampler.stepz"]


GRIDS = [
    ("[0.5, 1, 1.5]", [0.5, 1.0, 1.5]),
    ("{linspace: [0.1, 0.7, 4]}", [0.1, 0.3, 0.5, 0.7]),
    ("{geomspace: [0.01, 10, 4]}", [0.01, 0.1, 1.0, 10.0]),
    ("[1e-1, 1e1]", [0.1, 10.0]),
    ("[0.30000000000000004]", [0.3]),
    ("{geomspace: [11, 100, 2]}", [11.0, 100.0]),  # 11 * (100 / 11) is above 100, the largest g
]


@pytest.mark.parametrize(("given", "expected"), GRIDS, ids=[g for g, _ in GRIDS])
def test_a_grid_expands_to_canonical_values(given, expected):
    assert parse(yaml.safe_load(block(g=given))).blocks["main"].g == expected


def test_a_grid_that_crosses_zero_contains_zero_itself():
    data = yaml.safe_load(block(gamma="{linspace: [-0.6, 0.3, 4]}"))
    assert parse(data).blocks["main"].gamma == [-0.6, -0.3, 0.0, 0.3]


def test_a_count_of_seeds_is_the_first_seeds():
    assert parse(yaml.safe_load(block(seeds="3"))).blocks["main"].seeds == [0, 1, 2]


NUMBERS = ["model.eta", "sampler.step_size", "sampler.friction", "convergence.ess"]


@pytest.mark.parametrize("key", NUMBERS)
def test_a_number_may_be_written_without_a_dot(key):
    section, name = key.split(".")
    config = parse(yaml.safe_load(sections(**{section: f"{{{name}: 1e1}}"})))
    assert getattr(getattr(config, section), name) == 10.0


def test_texts_are_read_as_the_numbers_and_switches_they_are_meant_to_be():
    # So Snakemake gives what is nested in a value of --config.
    body = {"gamma": ["-0.5", "1e-1"], "N": ["8"], "g": {"linspace": ["0", "1", "3"]}, "beta": ["3"], "seeds": "2"}
    sampler = {"steps": "1e3", "replicas": "4", "exchange": "false", "stop_when": {"hours": "0.5"}}
    config = parse({"name": "1e4", "blocks": {"12": body}, "sampler": sampler})
    assert (config.name, list(config.blocks)) == ("1e4", ["12"])
    assert (config.sampler.steps, config.sampler.replicas, config.sampler.exchange) == (1000, 4, None)
    assert config.sampler.stop_when.hours == 0.5
    grid = config.blocks["12"]
    assert (grid.gamma, grid.N, grid.g) == ([-0.5, 0.1], [8], [0.0, 0.5, 1.0])
    assert (grid.beta, grid.seeds) == ([3.0], [0, 1])


@pytest.mark.parametrize(("given", "on"), [("false", False), ("true", True), ("{every: 2}", True)])
def test_exchange_is_a_switch_or_settings(given, on):
    exchange = parse(yaml.safe_load(sections(sampler=f"{{exchange: {given}}}"))).sampler.exchange
    assert (exchange is not None) == on


def test_a_config_is_immutable():
    with pytest.raises(ValueError, match="frozen"):
        DEMO.name = "other"


def test_the_schema_in_the_repository_is_the_one_of_the_models():
    assert (CONFIG / "schema.json").read_text(encoding="utf-8") == schema(), REGENERATE


def test_the_default_in_the_repository_is_the_one_of_the_models():
    assert (CONFIG / "default.yaml").read_text(encoding="utf-8") == render(DEMO), REGENERATE


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*.yaml")), ids=lambda p: p.name)
def test_every_config_in_the_repository_is_valid(path):
    assert isinstance(load(path), Config)
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), json.loads(schema()))


ACCEPTED = {
    "linspace": block(g="{linspace: [0, 1, 3]}"),
    "geomspace": block(beta="{geomspace: [1, 100, 3]}"),
    "count of seeds": block(seeds="3"),
    "exchange off": sections(sampler="{exchange: false}"),
    "exchange on": sections(sampler="{exchange: true}"),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_the_schema_accepts_what_the_models_accept(text):
    data = yaml.safe_load(text)
    parse(data)
    jsonschema.validate(data, json.loads(schema()))


OUT_OF_RANGE = {"g": "[-0.1]", "beta": "[0.0]", "gamma": "[1.5]", "N": "[0]"}


@pytest.mark.parametrize("key", OUT_OF_RANGE)
def test_the_schema_refuses_values_out_of_range(key):
    jsonschema.validate(yaml.safe_load(block(seeds="[0]")), json.loads(schema()))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(block(**{"seeds": "[0]", key: OUT_OF_RANGE[key]})), json.loads(schema()))


def test_a_config_survives_dump_and_parse():
    assert parse(dump(DEMO)) == DEMO
    quiet = parse(yaml.safe_load(sections(sampler="{exchange: false, step_size: 0.1}")))
    assert parse(json.loads(json.dumps(dump(quiet)))) == quiet


@pytest.mark.parametrize("name", ["12", "true", "null", "0x1F", "2020-01-01"])
def test_a_name_that_yaml_takes_for_something_else_survives_render_and_load(tmp_path, name):
    data = yaml.safe_load(block())
    config = parse({"name": name, "blocks": {name: data["blocks"]["main"]}})
    path = tmp_path / "config.yaml"
    path.write_text(render(config), encoding="utf-8")
    assert load(path) == config
