"""What holds of every text."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.domain.documents import Path
from reconciler.manifests.loader import load
from reconciler.manifests.scalars import Scalars

WORDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_characters="\x7f\u2028\u2029"))
PRINTABLE = WORDS.filter(lambda text: not any(0x7F <= ord(letter) <= 0x9F for letter in text))
LEAVES = st.none() | st.booleans() | st.integers(-(10**14), 10**14) | st.floats(-1e6, 1e6) | PRINTABLE
KEYS = PRINTABLE.filter(lambda text: len(text) < 100)
"""YAML itself has no longer keys than 1024 characters, escapes counted."""
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


@settings(deadline=None)
@given(JSON.filter(lambda value: value is not None), st.booleans(), st.sampled_from([None, 1, 3]))
def test_json_is_yaml(value: object, escaped: bool, indent: int | None) -> None:  # noqa: FBT001 -- drawn by hypothesis.
    """What `json` writes is read as the same value, in any of its layouts."""
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)

    found = load(text.encode(), Scalars())

    assert found.faults == ()
    assert [document.value for document in found.documents] == [value]
    assert [document.faults for document in found.documents] == [[]]


@settings(deadline=None)
@given(JSON.filter(lambda value: value is not None))
def test_every_value_has_its_place(value: object) -> None:
    """The text at the place of a value begins as the value does."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    lines = text.split("\n")
    (document,) = load(text.encode(), Scalars()).documents

    for path, found in below(value):
        line, column = document.at(path)
        expected = json.dumps(found, ensure_ascii=False, indent=1).split("\n")[0]
        assert lines[line - 1][column - 1 :].startswith(expected[: 1 if isinstance(found, dict | list) else None])


def below(value: object, path: Path = ()) -> list[tuple[Path, object]]:
    """Return every value in a value, with its path."""
    found: list[tuple[Path, object]] = [(path, value)]
    if isinstance(value, dict):
        found += (one for key, child in value.items() for one in below(child, (*path, key)))
    if isinstance(value, list):
        found += (one for index, child in enumerate(value) for one in below(child, (*path, index)))
    return found


YAMLISH = st.text(st.sampled_from("ab:-{}[],&*!|>'\"%@#? \n\t.0123~<é\\"), max_size=60)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=80), YAMLISH.map(str.encode)))
def test_nothing_breaks_the_loader(content: bytes) -> None:
    """Whatever the bytes are, the answer is documents and faults, each within the text."""
    found = load(content, Scalars())

    line_count = content.count(b"\n") + 1
    faults = [*found.faults, *(fault for document in found.documents for fault in document.faults)]
    assert all(1 <= fault.line <= line_count and fault.column >= 1 for fault in faults)
    for document in found.documents:
        assert document.at(())[0] <= line_count


@settings(deadline=None)
@given(YAMLISH, YAMLISH)
def test_a_broken_neighbour_changes_nothing(before: str, after: str) -> None:
    """A sound document is read the same, whatever stands in the documents around it."""
    text = f"{before}\n---\nsound: [1, two]\n---\n{after}"

    found = load(text.encode(), Scalars())

    assert {"sound": [1, "two"]} in [document.value for document in found.documents]
