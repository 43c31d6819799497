"""
A world of 20 flows and 80 outputs, spoilt in one field at a time: just that rule is broken, at just that place.

Where a place is, another reader of YAML says; the two engines of JSON Schema must agree on every document.
"""

from collections.abc import Iterator

import jsonschema
import jsonschema_rs
import pytest
import yaml

from reconciler.domain.findings import Finding
from reconciler.domain.rules.catalogue import RULES
from reconciler.manifests.identify import SCHEMAS
from reconciler.manifests.reader import ManifestReader
from reconciler.manifests.schemas import schema_of
from reconciler.ports.source import ManifestFile
from tests.world.mutations import MUTATIONS, Mutation, Path
from tests.world.slips import SLIPS, Slip
from tests.world.twists import TWISTS, Twist
from tests.world.world import FLOWS, OUTPUTS, SEPARATOR, World, role_of, sound, text_of

SOUND = sound()
NOT_OF_A_FIELD = {
    "SL001": "a file that cannot be opened",
    "SL313": "a setting decides",
}


def findings(text: str) -> list[Finding]:
    """Return what is wrong with a file."""
    return list(ManifestReader().read([ManifestFile(path="world.yaml", content=text.encode())]).findings)


def told(text: str) -> list[tuple[str, int, int]]:
    """Return rule, line and column of everything that is wrong."""
    return [(finding.rule.id, finding.at.line, finding.at.column) for finding in findings(text)]


def place(world: World, number: int, path: Path, *, on_key: bool = False) -> tuple[int, int]:
    """Return line and column of a value, or of its key, as PyYAML's own composer has them."""
    before = SEPARATOR.join(map(text_of, world.documents[:number])) + (SEPARATOR if number else "")
    key = node = next(yaml.compose_all(text_of(world[number]), Loader=yaml.SafeLoader))
    for part in path:
        if isinstance(node, yaml.MappingNode):
            key, node = next((key, value) for key, value in node.value if key.value == part)
        else:
            node = node.value[part]
    mark = (key if on_key else node).start_mark
    return before.count("\n") + mark.line + 1, mark.column + 1


def test_the_world_is_sound() -> None:
    """As many flows and outputs as were promised, and not a word about them."""
    kinds = [document["kind"] for document in SOUND.documents]

    assert (kinds.count("Flow"), kinds.count("Output")) == (FLOWS, OUTPUTS)
    assert told(SOUND.text()) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_one_field_breaks_one_rule(mutation: Mutation) -> None:
    """In documents of every role that it fits, and nowhere else."""
    tried = set()
    for world, number in mutation.applied(SOUND):
        tried.add(role_of(SOUND[number]))
        at = mutation.at if mutation.at is not None else mutation.path
        assert told(world.text()) == [(mutation.rule, *place(world, number, at, on_key=mutation.on_key))]
    assert tried == set(mutation.roles)


@pytest.mark.parametrize("twist", TWISTS, ids=str)
def test_two_documents_break_one_rule(twist: Twist) -> None:
    """It is told of one of them, in its place."""
    world = SOUND.copy()
    number, path = twist.spoil(world)

    assert told(world.text()) == [(twist.rule, *place(world, number, path))]


@pytest.mark.parametrize("slip", SLIPS, ids=str)
def test_one_line_breaks_one_rule(slip: Slip) -> None:
    """What is no YAML any more hides nothing else."""
    text, line, column = slip.applied(SOUND.text())

    assert told(text) == [(slip.rule, line, column)]


def test_every_rule_is_broken_somewhere() -> None:
    """But for those that no field decides."""
    broken = {one.rule for one in MUTATIONS} | {one.rule for one in TWISTS} | {one.rule for one in SLIPS}

    assert broken == RULES.keys() - NOT_OF_A_FIELD.keys()


def worlds() -> Iterator[World]:
    """Return every world that a mutation or a twist makes, and the sound one."""
    yield SOUND
    for mutation in MUTATIONS:
        for world, _ in mutation.applied(SOUND):
            yield world
            break
    for twist in TWISTS:
        world = SOUND.copy()
        twist.spoil(world)
        yield world


def test_the_two_engines_agree() -> None:
    """On every document of every world, whatever is wrong with it."""
    kinds = tuple(SCHEMAS.values())
    ours = {name: jsonschema_rs.Draft202012Validator(dict(schema_of(name))) for name in kinds}
    theirs = {name: jsonschema.Draft202012Validator(schema_of(name)) for name in kinds}
    seen: set[str] = set()
    for world in worlds():
        for document in world.documents:
            text = repr(document)
            if text in seen:
                continue
            seen.add(text)
            for name in kinds:
                assert ours[name].is_valid(document) == theirs[name].is_valid(document), text
    assert len(seen) > len(SOUND.documents) + len(MUTATIONS) // 2
