"""Every comment that silences a check names the check and the reason, and their number is fixed."""

import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

ALLOWED: Final = {"noqa": 73, "type: ignore": 3, "pragma": 0}
"""How many there are. A new one is a decision: raise the number in the commit that brings it, or find a way without."""

SILENCER: Final = re.compile(r"#\s*(noqa|type:\s*ignore|pragma)")

REASONED: Final = {
    "noqa": re.compile(r"# noqa: [A-Z]+[0-9]+(, [A-Z]+[0-9]+)* -- \S.*"),
    "type: ignore": re.compile(r"# type: ignore\[[a-z-]+(, ?[a-z-]+)*\]\s+# \S.*"),
    "pragma": re.compile(r"# pragma: no (cover|branch) -- \S.*"),
}


def silencers() -> Iterator[tuple[str, str, str]]:
    """Yield (kind, comment, place) of each comment that silences a check, in our code and its tests."""
    for room in ("reconciler", "tests", "benchmarks"):
        for path in sorted((ROOT / room).rglob("*.py")):
            # Reading a file as Python takes its time, and few hold such a comment.
            if not SILENCER.search(path.read_text()):
                continue
            with path.open("rb") as source:
                for token in tokenize.tokenize(source.readline):
                    if token.type == tokenize.COMMENT and (found := SILENCER.search(token.string)):
                        kind = re.sub(r":\s*", ": ", found[1])
                        yield kind, token.string[found.start() :], f"{path.relative_to(ROOT)}:{token.start[0]}"


def test_every_exception_has_a_code_and_a_reason() -> None:
    """A silenced check says which one, and why it does not hold there."""
    bare = [f"{place}: {comment}" for kind, comment, place in silencers() if not REASONED[kind].match(comment)]

    assert bare == []


def test_the_number_of_exceptions_is_fixed() -> None:
    """A new exception is seen in review, because this number changes with it."""
    counted = Counter(dict.fromkeys(ALLOWED, 0))
    counted.update(kind for kind, _, _ in silencers())

    assert dict(counted) == ALLOWED
