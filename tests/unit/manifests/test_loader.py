"""YAML to values and places."""

import pytest

from reconciler.domain.documents import Path
from reconciler.manifests.building import MAX_DEPTH, MAX_FAULTS
from reconciler.manifests.loader import Loaded, load
from reconciler.manifests.scalars import Scalars


def loaded(text: str) -> Loaded:
    """Return what a text says."""
    return load(text.encode(), Scalars())


def values(text: str) -> list[object]:
    """Return the values of its documents."""
    return [document.value for document in loaded(text).documents]


def faults(text: str) -> list[str]:
    """Return its faults as `line:column id message`."""
    found = loaded(text)
    every = [*found.faults, *(fault for document in found.documents for fault in document.faults)]
    return [f"{fault.line}:{fault.column} {fault.rule.id} {fault.message}" for fault in every]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: 1\nb: [x, {c: no}]\n", [{"a": 1, "b": ["x", {"c": "no"}]}], id="block and flow"),
        pytest.param("a: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}], id="documents"),
        pytest.param("---\n---\na: 1\n---\nnull\n---\n~\n", [{"a": 1}], id="empty documents are nothing"),
        pytest.param("# only a comment\n", [], id="nothing"),
        pytest.param("", [], id="empty"),
        pytest.param("a: '1'\nb: \"no\"\nc: |\n  x\n", [{"a": "1", "b": "no", "c": "x\n"}], id="quoted is text"),
        pytest.param("a:\n", [{"a": None}], id="a missing value"),
        pytest.param('"<<": 1\n', [{"<<": 1}], id="a quoted << is a key"),
        pytest.param("'1': a\n", [{"1": "a"}], id="a quoted number is a key"),
        pytest.param("%YAML 1.2\n---\na: 1\n...\n", [{"a": 1}], id="directives and ends"),
        pytest.param("- x!\n- '!'\n- a & b\n- '*'\n", [["x!", "!", "a & b", "*"]], id="signs that mean nothing"),
    ],
)
def test_values(text: str, expected: list[object]) -> None:
    """Documents become values of the JSON model."""
    assert values(text) == expected
    assert faults(text) == []


TEXT = """\
# é😀
apiVersion: reconciler/v1
spec:
  list:
    - {é: 😀, b: 2}
    -   three
---
second: here
"""


@pytest.mark.parametrize(
    ("index", "path", "on_key", "expected"),
    [
        pytest.param(0, (), False, (2, 1), id="the document"),
        pytest.param(0, ("apiVersion",), False, (2, 13), id="a value"),
        pytest.param(0, ("apiVersion",), True, (2, 1), id="a key"),
        pytest.param(0, ("spec", "list"), False, (5, 5), id="a list is where it begins"),
        pytest.param(0, ("spec", "list", 0, "é"), False, (5, 11), id="within braces"),
        pytest.param(0, ("spec", "list", 0, "b"), False, (5, 17), id="columns are code points"),
        pytest.param(0, ("spec", "list", 0, "b"), True, (5, 14), id="a key behind them"),
        pytest.param(0, ("spec", "list", 1), False, (6, 9), id="an item"),
        pytest.param(0, ("spec", "gone", "deep"), False, (4, 3), id="what is not there is where it could be"),
        pytest.param(0, ("spec", "list", 7), False, (5, 5), id="an item that is not there"),
        pytest.param(1, ("second",), False, (8, 9), id="the second document"),
    ],
)
def test_places(index: int, path: Path, expected: tuple[int, int], *, on_key: bool) -> None:
    """Every value and key has its line and column, from 1."""
    assert loaded(TEXT).documents[index].at(path, on_key=on_key) == expected


def test_every_number_has_its_path() -> None:
    """Numbers in reading order and paths say the same; keys have numbers of their own."""
    document = loaded(TEXT).documents[0]

    assert [document.path_to(number) for number in (0, 2, 4, 6, 7, 9, 11, 12)] == [
        (),
        ("apiVersion",),
        ("spec",),
        ("spec", "list"),
        ("spec", "list", 0),
        ("spec", "list", 0, "é"),
        ("spec", "list", 0, "b"),
        ("spec", "list", 1),
    ]
    assert document.path_to(99) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", ["3:1 SL004 the same key twice in one mapping"], id="a duplicate key"),
        pytest.param("{a: 1, a: {b: *x}}", ["1:8 SL004 the same key twice in one mapping"], id="its value is left"),
        pytest.param("a: &x 1\n", ["1:4 SL005 an anchor"], id="an anchor"),
        pytest.param("a: &x [1]\n", ["1:4 SL005 an anchor"], id="an anchor of a list"),
        pytest.param("a: *x\n", ["1:4 SL005 an alias"], id="an alias"),
        pytest.param("*x : 1\n", ["1:1 SL005 an anchor or alias at a key"], id="an alias as a key"),
        pytest.param("&x a: 1\n", ["1:1 SL005 an anchor or alias at a key"], id="an anchor at a key"),
        pytest.param("<<: {a: 1}\n", ["1:1 SL006 a merge key"], id="a merge key"),
        pytest.param("a: !!str 1\n", ["1:4 SL007 a tag"], id="a tag"),
        pytest.param("a: !x {b: 1}\n", ["1:4 SL007 a tag"], id="a tag of a mapping"),
        pytest.param("!!str a: 1\n", ["1:1 SL007 a tag at a key"], id="a tag at a key"),
        pytest.param("a: ! 1\n", ["1:4 SL007 a tag"], id="a tag that is nothing but itself"),
        pytest.param("%TAG !e! tag:e,2000:\n---\na: 1\n", ["1:1 SL007 a directive for tags"], id="a directive"),
        pytest.param("1: a\n", ["1:1 SL008 a key that is no text"], id="a number as a key"),
        pytest.param("? [a]\n: 1\n", ["1:3 SL008 a key that is a list or a mapping"], id="a list as a key"),
        pytest.param(
            "a: .inf\n", ["1:4 SL008 a number that is not finite, or has too many digits"], id="an infinite number"
        ),
        pytest.param("a: !!float .inf\n", ["1:4 SL007 a tag"], id="one fault is enough"),
    ],
)
def test_what_json_does_not_have(text: str, expected: list[str]) -> None:
    """Each is a fault at its place, and the rest of the document is read."""
    assert faults(text) == expected


def test_the_first_of_two_keys_counts() -> None:
    """The hint says where it is."""
    (document,) = loaded("a: 1\na: 2\nb: 3\n").documents

    assert document.value == {"a": 1, "b": 3}
    assert document.faults[0].hint == "it is at line 1 already"
    assert document.at(("b",)) == (3, 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: b: c\n", "1:5 SL003 a colon where no key can be", id="a colon in text"),
        pytest.param(
            "a: [1, 2\nb: 3\n", "1:4 SL003 a list in brackets is not closed, or lacks a comma", id="a bracket"
        ),
        pytest.param("a: {b: 1\n", "1:4 SL003 a mapping in braces is not closed, or lacks a comma", id="a brace"),
        pytest.param("a: {b: 1 c: 2}\n", "1:11 SL003 a mapping in braces is not closed, or lacks a comma", id="comma"),
        pytest.param("a: 'x\nb: 1\n", "1:4 SL003 quotes are not closed", id="a quote"),
        pytest.param('a: "x\nb: 1\n---\n', "1:4 SL003 quotes are not closed", id="a quote before the next document"),
        pytest.param("a:\n\tb: 1\n", "2:1 SL003 a tab is used to indent", id="a tab"),
        pytest.param("a:\n  b: 1\n\tc: 1\n", "3:1 SL003 a tab is used to indent", id="a tab further down"),
        pytest.param("a: |0\n x\n", "1:5 SL003 a block of text indented by 0", id="a block indented by nothing"),
        pytest.param("a: @x\n", "1:4 SL003 a value begins with a character that YAML keeps for itself", id="at"),
        pytest.param('a: "\\q"\n', "1:5 SL003 a backslash that means nothing in double quotes", id="a backslash"),
        pytest.param("a: 1\n- b\n", "2:1 SL003 no key where one is expected", id="a list in a mapping"),
        pytest.param("- a\nb: 1\n", "2:1 SL003 no list item where one is expected", id="a mapping in a list"),
        pytest.param("a: - b\n", "1:4 SL003 a list item where none can be", id="a list on the line of its key"),
        pytest.param("a: ]\n", "1:4 SL003 no value where one is expected", id="a bracket too many"),
        pytest.param("a: *\n", "1:5 SL003 text begins with a character that YAML keeps for itself", id="a star alone"),
        pytest.param("a: !x!y 1\n", "1:4 SL003 text begins with `!`, which YAML keeps for itself", id="a tag's handle"),
        pytest.param("%FOO\n---\na: 1\n", "1:5 SL003 a line begins with `%`, which YAML keeps for itself", id="%"),
        pytest.param("a: >x\n", "1:5 SL003 text follows `|` or `>`", id="text behind a block's sign"),
        pytest.param("%YAML 3.0\n---\na: 1\n", "1:1 SL003 the text is not YAML from here on", id="another YAML"),
    ],
)
def test_broken_yaml_is_told_with_its_cause(text: str, expected: str) -> None:
    """The place is where people look for the cause, and no word of the text is quoted."""
    assert faults(text) == [expected]


BROKEN = """\
kind: Flow
metadata: {name: first}
---
kind: Flow
metadata:
  name: second
spec: {a: [}
---
kind: Output
metadata: {name: third}
spec:
  flow: second
  x: 'open
---
kind: Flow
metadata: {name: fourth}
"""


def test_a_broken_document_costs_only_itself() -> None:
    """Documents around it are read, with their places, and of it what can be told is kept."""
    found = loaded(BROKEN)

    assert [document.value for document in found.documents] == [
        {"kind": "Flow", "metadata": {"name": "first"}},
        {"kind": "Flow", "metadata": {"name": "second"}},
        {"kind": "Output", "metadata": {"name": "third"}, "spec": {"flow": "second"}},
        {"kind": "Flow", "metadata": {"name": "fourth"}},
    ]
    assert found.documents[3].at(("metadata", "name")) == (16, 18)
    assert faults(BROKEN) == [
        "7:12 SL003 no value where one is expected",
        "13:6 SL003 quotes are not closed",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "kind: Flow\nmetadata: {name: x}\nspec: [\n",
        "kind: Flow\nmetadata: {labels: {a: b}, name: x}\nspec: [\n",
        "kind: 'Flow'\nmetadata:\n  labels: {}\n  name: 'x'\nspec: [\n",
        "kind: Flow\nmetadata:\n  # a word\n  name: x\nspec: [\n",
        "spec: [\nkind: Flow\nmetadata: {name: x}\n",
    ],
)
def test_the_name_of_a_broken_document_is_saved(text: str) -> None:
    """So that others may still refer to it."""
    assert values(text) == [{"kind": "Flow", "metadata": {"name": "x"}}]


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}"), ("[{a: ", "}]")])
def test_depth_is_bounded(opening: str, closing: str) -> None:
    """Nesting beyond what anybody needs ends the reading of the file, at once and without recursion errors."""
    levels = opening.count("[") + opening.count("{")
    most = MAX_DEPTH // levels

    at_most = loaded(opening * most + "1" + closing * most)
    found = loaded("a: 1\n---\n" + opening * most * 1000)

    assert (at_most.faults, at_most.is_whole) == ((), True)
    assert [document.value for document in found.documents] == [{"a": 1}]
    assert [(fault.rule.id, fault.line, fault.column) for fault in found.faults] == [
        ("SL009", 3, len(opening) * most + 1)
    ]
    assert not found.is_whole


def test_documents_are_bounded() -> None:
    """A file of nothing but documents ends somewhere."""
    found = load(b"---\na: 1\n" * 5, Scalars(), max_documents=3)

    assert [fault.rule.id for fault in found.faults] == ["SL009"]
    assert not found.is_whole


def test_faults_are_bounded() -> None:
    """A bomb of aliases is not expanded, and its faults end somewhere."""
    bomb = "a: &a [x]\n" + "".join(f"b{index}: [{', '.join(['*a'] * 9)}]\n" for index in range(100))

    found = loaded(bomb + "---\na: 1\n")

    assert len(found.documents[0].faults) == MAX_FAULTS + 1
    assert [fault.rule.id for fault in found.faults] == ["SL009"]
    assert not found.is_whole


def test_bare_tags_are_bounded() -> None:
    """As many as anybody mends at a time, and a text that is broken behind them does no harm."""
    assert len(loaded("- ! x\n" * 500).faults) == MAX_FAULTS
    assert faults("- ! x\n- [\n")[0] == "1:3 SL007 a tag"
