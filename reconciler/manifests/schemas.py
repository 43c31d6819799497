"""The schemas that are the public contract, and the two engines that read them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final

from reconciler.domain.documents import Path

Schema = Mapping[str, Any]
Judge = Callable[[object], bool]
"""Says whether a value fits a schema."""

NAMES: Final = (
    "manifest", "flow", "output", "approval", "override", "calendar", "move", "config", "findings", "faults", "plan",
    "notification",
)  # fmt: skip
"""Every schema, by the name of its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One keyword of a schema that a value does not keep."""

    keyword: str
    wanted: Any
    """What stands at the keyword."""
    value: Any
    """What does not keep it; for a breach of a name, that name."""
    schema: Schema
    """The part of the schema that the keyword is in."""
    path: Path
    around: Any = None
    """The mapping whose property's name is to blame; None when a value is."""


def folder() -> Traversable:
    """Return the directory of the schemas: in the package when it is installed, at the top of a repository else."""
    package = resources.files("reconciler")
    installed = package / "schemas" / "v1"
    return installed if installed.is_dir() else package / ".." / "schemas" / "v1"


def text_of(name: str) -> str:
    """Return a schema as it is published."""
    return (folder() / f"{name}.json").read_text(encoding="utf-8")


@cache
def schema_of(name: str) -> Schema:
    """Return a schema."""
    found: Schema = json.loads(text_of(name))
    return found


@cache
def judge_of(name: str) -> Judge:
    """Return the engine that says yes or no, at once."""
    return _judge(schema_of(name))


def _judge(schema: Schema) -> Judge:
    import jsonschema_rs  # noqa: PLC0415 -- the CLI's help must not wait for it.

    return jsonschema_rs.Draft202012Validator(dict(schema)).is_valid


@cache
def written_out(name: str) -> Schema:
    """Return a schema with what its references name in their place; none of ours leads in a circle."""
    schema = schema_of(name)
    found: Schema = _written_out(schema, schema.get("$defs", {}))
    return found


def breaches_of(name: str, value: object) -> Iterator[Breach]:
    """Return every breach of a schema, from the engine that explains."""
    for error in _explainer(name).iter_errors(value):
        path = tuple(error.absolute_path)
        yield Breach(
            keyword=str(error.validator),
            wanted=error.validator_value,
            value=error.instance,
            schema=error.schema,
            path=path,
            around=_value_at(value, path) if "propertyNames" in error.absolute_schema_path else None,
        )


def _value_at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


@cache
def _explainer(name: str) -> Any:
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 -- 70 ms that only a broken tree spends.

    # Any: the stubs leave `extend` untyped.
    extend: Any = validators.extend
    engine = extend(Draft202012Validator, {"pattern": _pattern, "properties": _looking_where_it_is_wrong()})
    # Following a reference costs this engine a third of its time.
    return engine(written_out(name))


def _looking_where_it_is_wrong() -> Callable[[Any, Schema, object, Schema], Iterator[Exception]]:
    """Return the keyword `properties` that leaves out what is right: the fast engine tells, and halves the work."""
    judges: dict[int, Judge] = {}

    def properties(engine: Any, properties: Schema, instance: object, _: Schema) -> Iterator[Exception]:
        found = instance if isinstance(instance, dict) else {}
        for key, schema in properties.items():
            if key in found:
                # The parts of a schema live as long as their engine, so that each is known by its identity.
                judge = judges.get(id(schema)) or judges.setdefault(id(schema), _judge(schema))
                if not judge(found[key]):
                    yield from engine.descend(found[key], schema, path=key, schema_path=key)

    return properties


def _written_out(part: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a part of a schema with what its references name in their place; what stands beside one wins."""
    if isinstance(part, list):
        return [_written_out(member, definitions) for member in part]
    if not isinstance(part, dict):
        return part
    found: dict[str, Any] = {}
    if "$ref" in part:
        found |= _written_out(definitions[part["$ref"].removeprefix("#/$defs/")], definitions)
    return found | {
        key: _written_out(value, definitions) for key, value in part.items() if key not in {"$ref", "$defs"}
    }


def _pattern(_: object, pattern: str, instance: object, __: Schema) -> Iterator[Exception]:
    """Check a pattern as ECMA reads it: Python's `$` also matches before a final line end."""
    from jsonschema import ValidationError  # noqa: PLC0415 -- only called from the engine above.

    if isinstance(instance, str) and re.search(re.sub(r"\$$", r"\\Z", pattern), instance) is None:
        yield ValidationError("does not match")
