"""The public contract, and the two engines that read it."""

import json
from itertools import combinations
from typing import Any

import pytest

from reconciler.manifests.identify import SCHEMAS
from reconciler.manifests.schemas import NAMES, breaches_of, folder, judge_of, schema_of, text_of
from tests.unit.manifests.mutations import mutants
from tests.unit.manifests.written import EVERY, Json


@pytest.mark.parametrize("document", EVERY.values(), ids=EVERY.keys())
def test_every_property_can_be_used(document: Json) -> None:
    """A document that says all that its protocol has is valid, to both engines and in both schemas."""
    for name in (document["kind"].lower(), "manifest"):
        assert judge_of(name)(document)
        assert list(breaches_of(name, document)) == []


@pytest.mark.parametrize("document", EVERY.values(), ids=EVERY.keys())
def test_the_engines_agree(document: Json) -> None:
    """
    Of every slip, the engine that judges and the engine that explains say the same, and so do the schema of the kind
    and that of all kinds.
    """
    name = document["kind"].lower()
    seen = 0
    for mutant in mutants(document):
        verdict = judge_of(name)(mutant)
        seen += 1
        assert verdict is not any(True for _ in breaches_of(name, mutant)), mutant
        assert judge_of("manifest")(mutant) is (verdict and mutant.get("kind") == document["kind"]), mutant

    assert seen > 100


def bundled() -> dict[str, Any]:
    """Return `manifest.json` as it follows from the schemas of the kinds."""
    kinds = {name: schema_of(name) for name in SCHEMAS.values()}
    definitions: dict[str, Any] = {}
    for schema in kinds.values():
        definitions |= schema["$defs"]
    for name, schema in kinds.items():
        definitions[name] = {key: value for key, value in schema.items() if not key.startswith("$")}
    return definitions


def test_the_schema_of_all_kinds_is_that_of_each() -> None:
    """`manifest.json` stands alone, for editors; what it repeats is word for word what it repeats."""
    assert schema_of("manifest")["$defs"] == bundled()
    for one, other in combinations([schema_of(name)["$defs"] for name in SCHEMAS.values()], 2):
        assert all(one[name] == other[name] for name in one.keys() & other.keys())
    assert schema_of("manifest")["properties"]["kind"]["enum"] == list(SCHEMAS)


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_found_by_name(name: str) -> None:
    """Each is a file of its own, and says which it is."""
    assert (folder() / f"{name}.json").is_file()
    assert json.loads(text_of(name))["$id"] == f"urn:reconciler:v1:{name}"


@pytest.mark.parametrize("text", ["ap-singapore\n", "é", "AP-singapore"])
def test_patterns_mean_the_same_to_both(text: str) -> None:
    """A final line end is no part of any pattern, whatever Python's `$` thinks."""
    document = dict(EVERY["input RTMP"])
    document["spec"] = {**document["spec"], "region": text}

    assert not judge_of("flow")(document)
    assert [breach.keyword for breach in breaches_of("flow", document)] == ["pattern"]
