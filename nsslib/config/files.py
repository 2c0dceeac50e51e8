"""Config files: reading with clear errors, and the generated schema.json and default.yaml.

``python -m nsslib.config.files DIRECTORY`` writes both generated files.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from nsslib.config.schema import DEMO, Block, Config, Convergence, Exchange, Model, Sampler, Save, StopWhen
from nsslib.errors import UserError, suggest

LONGEST = 300
"""Characters of a message; what is longer shows a value that nobody reads to its end."""
SECTIONS: dict[str, type[BaseModel]] = {
    "model": Model,
    "sampler": Sampler,
    "convergence": Convergence,
    "save": Save,
    "exchange": Exchange,
    "stop_when": StopWhen,
}


def parse(data: Any, source: str = "config") -> Config:
    """Validate a mapping as read from YAML.

    Parameters
    ----------
    data : mapping
        Keys and values of a config file.
    source : str
        What to call it in error messages.

    Raises
    ------
    UserError
        One line a mistake: the key, what is wrong, and what would be right.
    """
    if not isinstance(data, Mapping):
        raise UserError(f"{source}: expected a mapping of keys to values, got {type(data).__name__}")
    try:
        # A text of the first level is a name, whatever it looks like.
        given = {key: value if isinstance(value, str) else plain(value) for key, value in data.items()}
        return Config.model_validate(given)
    except ValidationError as error:
        raise UserError("\n".join(f"{source}: {line}" for line in _sentences(error, given))) from None
    except RecursionError:
        raise UserError(f"{source}: nested too deeply, or contains itself; a config has at most four levels") from None


def plain(data: Any) -> Any:
    """Copy nested mappings, sequences and numpy values into dicts, lists and plain numbers.

    A text that reads as a number or a switch becomes one: YAML 1.1 takes 1e4 for a text, and
    Snakemake all that is nested in a value of --config.
    """
    if isinstance(data, Mapping):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple | range):
        return [plain(value) for value in data]
    if not isinstance(data, str):
        return data.tolist() if hasattr(data, "tolist") else data
    try:
        number = float(data)
    except ValueError:
        return {"true": True, "false": False}.get(data, data)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _sentences(error: ValidationError, given: Any) -> Iterator[str]:
    """Turn the findings of pydantic into sentences that begin with the key, one for each key."""
    sentences: dict[str, str] = {}
    for item in error.errors(include_url=False):
        sentence = _sentence(_written(item, given), item)
        short = sentence if len(sentence) <= LONGEST else f"{sentence[:LONGEST]} ..."
        sentences.setdefault(sentence.partition(": ")[0], short)
    yield from sentences.values()


def _written(item: Any, given: Any) -> list[int | str]:
    """Location of a finding in what was given; pydantic adds names of types and of the members of a union."""
    location: list[int | str] = []
    for part in item["loc"]:
        if part in (given if isinstance(given, dict) else range(len(given)) if isinstance(given, list) else ()):
            given = given[part]
            location.append(part)
    return [*location, *(item["loc"][-1:] if item["type"] == "missing" else ())]


def _sentence(location: list[int | str], item: Any) -> str:
    key, shown = ".".join(map(str, location)), item["input"]
    match item["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key{suggest(str(location[-1]), _known_keys(location[:-1]))}"
        case "missing":
            return f"{key}: required key is missing"
        case "literal_error":
            choices = str(item["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
            return f"{key}: unknown value {shown!r}{suggest(str(shown), choices)}"
        case "string_pattern_mismatch":
            return f"{key}: {shown!r} is no name; use letters, digits, '_' and '-', a letter or digit first"
        case "value_error":
            message = item["msg"].removeprefix("Value error, ")
            # Checks across keys name the key below this one that is to blame.
            separator = "." if key and re.match(r"[\w.]+: ", message) else ": "
            return f"{key}{separator}{message}" if key else message
        case _:
            return f"{key}: {item['msg']} (got {shown!r})"


def _known_keys(location: list[int | str]) -> list[str]:
    """Keys that are valid at a location."""
    if not location:
        return list(Config.model_fields)
    if location[0] == "blocks":
        return list(Block.model_fields)
    return list(SECTIONS[str(location[-1])].model_fields)


class _UniqueKeys(yaml.SafeLoader):
    """YAML that refuses a key given twice instead of keeping the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        merge = "tag:yaml.org,2002:merge"
        keys = [self.construct_object(k, deep=True) for k, _ in node.value if k.tag != merge]
        # A key that is a list or mapping is refused by the base class.
        for key, count in Counter(key for key in keys if isinstance(key, Hashable)).items():
            if count > 1:
                line = node.start_mark.line + 1
                raise UserError(f"{node.start_mark.name}: {key}: given twice in the mapping at line {line}; keep one")
        return super().construct_mapping(node, deep)


def read(path: str | Path) -> Any:
    """Content of a config file, which may be a part of a config, to override keys of another file.

    Raises
    ------
    UserError
        If the file is missing or no YAML.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8") as stream:
            return yaml.load(stream, Loader=_UniqueKeys)  # noqa: S506 (a SafeLoader)
    except FileNotFoundError:
        raise UserError(f"{path}: no such config file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    except UserError:
        raise
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date or number that cannot be
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply to be read; a config has at most four levels") from None


def load(path: str | Path) -> Config:
    """Read and validate a config file.

    Raises
    ------
    UserError
        If the file is missing, no YAML, or no valid config.
    """
    return parse(read(path), str(path))


def dump(config: Config) -> dict[str, Any]:
    """Plain mapping of a config, JSON-ready; `parse` gives the same config back."""
    return config.model_dump(mode="json")


def schema() -> str:
    """Text of ``schema.json``."""
    return json.dumps(Config.model_json_schema(), indent=2) + "\n"


def render(config: Config) -> str:
    """Config file of a config, each key with its description as a comment."""
    head = "# yaml-language-server: $schema=./schema.json\n"
    return head + "\n".join(_lines(config, "")) + "\n"


def _lines(model: BaseModel, indent: str) -> Iterator[str]:
    for key, field in type(model).model_fields.items():
        value = getattr(model, key)
        note = f"  # {field.description}" if field.description else ""
        if isinstance(value, BaseModel):
            yield f"{indent}{key}:{note}"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, dict) and all(isinstance(member, BaseModel) for member in value.values()):
            yield f"{indent}{key}:{note}"
            for name, member in value.items():
                yield f"{indent}  {_scalar(name)}:"
                yield from _lines(member, indent + "    ")
        else:
            yield f"{indent}{key}: {_scalar(value)}{note}"


def _scalar(value: Any) -> str:
    """Value as YAML on one line; quoted only where YAML would take a word for something else."""
    if value is None:
        return "false"
    bare = isinstance(value, str) and yaml.safe_load(value) == value
    return value if bare else json.dumps(value)


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    (directory / "schema.json").write_text(schema(), encoding="utf-8")
    (directory / "default.yaml").write_text(render(DEMO), encoding="utf-8")
