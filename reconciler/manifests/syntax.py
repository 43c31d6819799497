"""What is usually wrong where reading YAML stopped, in words that quote nothing of the text."""

import contextlib
from typing import Final

from yaml import (
    CSafeLoader,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    MarkedYAMLError,
    Token,
    YAMLError,
    scan,
)

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
    ("found a tab character", "a tab is used to indent", "indent with spaces"),
    ("found an indentation indicator equal to 0", "a block of text indented by 0", "use a number from 1 to 9"),
)
"""Words of the parser, what they mean, and what helps; the first that fits counts."""

_ENDS: Final = ("unexpected end of stream", "unexpected document indicator", "expected ',' or")
"""Faults that are met long after their cause, which is where the quote or the bracket was opened."""


def explained(error: YAMLError, document: bytes, first_line: int) -> LoadFault:
    """
    Return the fault, at the place where people look for it.

    Args:
        error: what stopped the parser.
        document: the text of the document that it stopped in.
        first_line: the line of the parser's text that the document begins at, from 0.
    """
    problem, line, column = _where(error)
    lines = document.decode().splitlines()
    row = line - first_line
    if row >= len(lines):
        # The parser met the end of the document: that is no line of it.
        row, column = max(len(lines) - 1, 0), len(lines[-1]) if lines else 0
        problem, row, column = _last_opened(document) or (problem, row, column)
    message, hint = _words(problem, lines[row][: column + 1] if lines else "")
    return LoadFault(rule=SYNTAX, line=first_line + row + 1, column=column + 1, message=message, hint=hint)


def _words(problem: str, before: str) -> tuple[str, str]:
    """Return message and hint; `before` is the line up to where the parser stopped."""
    for words, message, hint in _CAUSES:
        if words in problem:
            return message, hint
    if "cannot start any token" in problem and before.endswith("\t"):
        return "a tab is used to indent", "indent with spaces"
    if "cannot start any token" in problem:
        return "a value begins with a character that YAML keeps for itself", "quote the value"
    return "the text is not YAML from here on", "look at this line and the one before"


def stopped_at(error: YAMLError) -> int:
    """Return the line, from 0, at which reading stopped."""
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return mark.line if mark is not None else 0


def _where(error: YAMLError) -> tuple[str, int, int]:
    """Return the parser's words, and the line and column to blame, from 0."""
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    if not isinstance(error, MarkedYAMLError) or mark is None:
        return "", 0, 0
    problem = error.problem or ""
    opened = error.context_mark
    if opened is not None and opened.line < mark.line and any(words in problem for words in _ENDS):
        mark = opened
    return problem, mark.line, mark.column


def _last_opened(document: bytes) -> tuple[str, int, int] | None:
    """Return what the parser would say of the bracket that is still open where a document ends; None without one."""
    opened: list[Token] = []
    with contextlib.suppress(YAMLError):
        for token in scan(document.decode(), CSafeLoader):
            if isinstance(token, FlowSequenceStartToken | FlowMappingStartToken):
                opened.append(token)
            elif isinstance(token, FlowSequenceEndToken | FlowMappingEndToken) and opened:
                opened.pop()
    if not opened:
        return None
    closing = "]" if isinstance(opened[-1], FlowSequenceStartToken) else "}"
    return f"expected ',' or '{closing}'", opened[-1].start_mark.line, opened[-1].start_mark.column
