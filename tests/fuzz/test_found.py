"""Inputs that are hard to read, those that fuzzing has found, and those that it began with: the promise is kept."""

from pathlib import Path
from typing import Final

import pytest

from tests.fuzz.promise import keep

FOLDER: Final = Path(__file__).parent
FOUND: Final = {path.name: path.read_bytes() for path in sorted((FOLDER / "found").glob("[!.]*"))}
SEEDS: Final = sorted((FOLDER.parent / "acceptance").rglob("*.y*ml"))
HARD: Final = {
    "nothing": b"",
    "a mark of order and nothing": b"\xef\xbb\xbf",
    "UTF-16": "kind: Flow\n".encode("utf-16"),
    "UTF-32": "kind: Flow\n".encode("utf-32"),
    "half a character": b"kind: Fl\xc3",
    "NUL": b"kind: \x00",
    "ends of lines of every sort": "a: 1\rb: 2\r\nc: 3\x85d: 4\u2028e: 5\n".encode(),
    "only ends of documents": b"---\n...\n---\n...\n" * 2000,
    "deep lists": b"[" * 5000,
    "deep mappings": b"{a: " * 5000,
    "deep by indentation": b"".join(b" " * depth + b"a:\n" for depth in range(900)),
    "many laughs": b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (n + 1, n + 1, n, n) for n in range(97, 122)),
    "a key of megabytes": b"a" * 1_000_000 + b": 1\n",
    "a number of megabytes": b"a: " + b"9" * 1_000_000,
    "as many keys": b"".join(b"k%d: 1\n" % number for number in range(20_000)),
    "the same key again and again": b"a: 1\n" * 5000,
    "a quote that never ends": b"kind: 'Flow\n" + b"a: 1\n" * 5000,
    "tags": b"!!python/object/apply:os.system ['true']\n",
    "a directive": b"%YAML 9.9\n%TAG ! tag:x,2000:\n---\nkind: !Flow x\n",
}


@pytest.mark.parametrize("content", [*HARD.values(), *FOUND.values()], ids=[*HARD, *FOUND])
def test_what_is_hard_is_read(content: bytes) -> None:
    """To the end, soon, and with a place for whatever is wrong."""
    keep(content)


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_what_is_cut_short_is_read(path: Path) -> None:
    """Every wrong manifest that there is, whole and cut short anywhere."""
    content = path.read_bytes()

    keep(content)
    for end in range(0, len(content), 7):
        keep(content[:end])
