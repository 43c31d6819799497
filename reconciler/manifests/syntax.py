"""What is usually wrong where reading YAML stopped, in words that quote nothing of the text."""

from typing import Final

from yaml import MarkedYAMLError, YAMLError

from reconciler.domain.rules.catalogue import SYNTAX
from reconciler.manifests.text import LoadFault

_CAUSES: Final = (
    ("mapping values are not allowed", "a colon where no key can be", "check the indentation; quote text with a colon"),
    ("could not find expected ':'", "a key without a colon", "write `key: value`, with a space after the colon"),
    (
        "did not find expected key",
        "no key where one is expected",
        "indent keys alike; nothing may follow a closed quote",
    ),
    ("did not find expected '-' indicator", "no list item where one is expected", "indent the items of a list alike"),
    ("expected ',' or ']'", "a list in brackets is not closed, or lacks a comma", "add what is missing"),
    ("expected ',' or '}'", "a mapping in braces is not closed, or lacks a comma", "add what is missing"),
    ("expected <document start>", "something follows the end of a document", "begin documents with `---`"),
    ("block sequence entries are not allowed", "a list item where none can be", "begin it on a line of its own"),
    (
        "did not find expected node content",
        "no value where one is expected",
        "a bracket is not closed, or one is too many",
    ),
    ("found unknown escape", "a backslash that means nothing in double quotes", "use single quotes"),
    ("found invalid Unicode character escape", "an escape that is no character", "use single quotes, or mend it"),
    ("did not find expected hexdecimal number", "an escape without its digits", "use single quotes, or mend it"),
    ("found unexpected document indicator", "quotes are not closed", "add the missing quote"),
    ("found unexpected end of stream", "quotes are not closed", "add the missing quote"),
    ("expected alphabetic or numeric", "text begins with a character that YAML keeps for itself", "quote the value"),
    ("tag", "text begins with `!`, which YAML keeps for itself", "quote the value"),
    ("expected comment or line break", "text follows `|` or `>`", "begin it on the next line, or quote the value"),
    ("directive", "a line begins with `%`, which YAML keeps for itself", "quote the value, or remove the line"),
    ("found an indentation indicator equal to 0", "a block of text indented by 0", "use a number from 1 to 9"),
)
"""Words of the parser, what they mean, and what helps; the first that fits counts."""

_ENDS: Final = ("unexpected end of stream", "unexpected document indicator", "expected ',' or")
"""Faults that are met long after their cause, which is where the quote or the bracket was opened."""


def explained(error: YAMLError, text: bytes) -> LoadFault:
    """Return the fault, at the place where people look for it."""
    problem, line, column = _where(error)
    lines = _lines(text, line)
    if len(lines) < line:
        # The end of a text without a final line end is one line too far to the parser.
        line, column = len(lines), len(lines[-1].decode()) + 1
    for words, message, hint in _CAUSES:
        if words in problem:
            return _fault(line, column, message, hint)
    if "cannot start any token" in problem:
        return _strange_start(lines[line - 1].decode(), line, column)
    return _fault(line, column, "the text is not YAML from here on", "look at this line and the one before")


def stopped_at(error: YAMLError) -> int:
    """Return the line, from 0, at which reading stopped."""
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return mark.line if mark is not None else 0


def _where(error: YAMLError) -> tuple[str, int, int]:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    if not isinstance(error, MarkedYAMLError) or mark is None:
        return "", 1, 1
    problem = error.problem or ""
    opened = error.context_mark
    if opened is not None and opened.line < mark.line and any(words in problem for words in _ENDS):
        mark = opened
    return problem, mark.line + 1, mark.column + 1


def _lines(text: bytes, count: int) -> list[bytes]:
    """Return the first lines of a text, as YAML counts them; the last one holds the rest."""
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n", count)[:count]


def _strange_start(text: str, line: int, column: int) -> LoadFault:
    if text[:column].endswith("\t"):
        return _fault(line, column, "a tab is used to indent", "indent with spaces")
    return _fault(line, column, "a value begins with a character that YAML keeps for itself", "quote the value")


def _fault(line: int, column: int, message: str, hint: str) -> LoadFault:
    return LoadFault(rule=SYNTAX, line=line, column=column, message=message, hint=hint)
