"""The schemas are a public contract, so each says of every property what it is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

SCHEMAS: Final = sorted((Path(__file__).parents[2] / "schemas" / "v1").glob("*.json"))

CONDITIONS: Final = frozenset({"if", "then", "else", "not"})
"""Under these a property is named to be tested or narrowed; it is described where it is defined."""


def definitions(schema: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (pointer, subschema) of every part of the schema that defines something, itself first."""
    if isinstance(schema, list):
        for index, branch in enumerate(schema):
            yield from definitions(branch, f"{where}/{index}")
    if isinstance(schema, dict):
        yield where, schema
        for name, child in schema.items():
            if name not in CONDITIONS:
                yield from definitions(child, f"{where}/{name}")


def properties(schema: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (pointer, subschema) of every property that the schema defines."""
    for pointer, found in definitions(schema, where):
        for key, child in found.get("properties", {}).items():
            yield f"{pointer}/properties/{key}", child


def described(root: dict[str, Any], schema: Any) -> bool:
    """Say whether the property, or the definition that it refers to, has a description."""
    if not isinstance(schema, dict):
        return False
    if schema.get("description", "").strip():
        return True
    reference = schema.get("$ref", "")
    if not reference.startswith("#/"):
        return False
    target: Any = root
    for step in reference.removeprefix("#/").split("/"):
        target = target[step]
    return described(root, target)


def is_closed(schema: dict[str, Any]) -> bool:
    """Say whether an object takes only keys that it names, or says what it holds under free ones."""
    return schema.get("additionalProperties", schema.get("unevaluatedProperties", True)) is not True


def test_the_contract_is_there() -> None:
    """The three public schemas exist."""
    assert {path.name for path in SCHEMAS} >= {"flow.json", "manifest.json", "output.json"}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_every_property_is_described(path: Path) -> None:
    """An editor can say of every property what it means."""
    schema = json.loads(path.read_text())

    assert [where for where, found in properties(schema) if not described(schema, found)] == []


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_every_object_is_closed(path: Path) -> None:
    """A mistyped property is a finding, never silence; only maps of free keys are open, and they say of what."""
    schema = json.loads(path.read_text())

    open_ones = [
        where for where, found in definitions(schema) if found.get("type") == "object" and not is_closed(found)
    ]

    assert open_ones == []


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_every_schema_is_named_and_not_fetched(path: Path) -> None:
    """The identity is a URN, so that no tool asks the network for it."""
    schema = json.loads(path.read_text())

    assert schema["$id"].startswith("urn:")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
