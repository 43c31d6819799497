"""Text of others in Markdown, so that it stays text: no markup, no mention, no link, no end of a cell."""

import re
from typing import Final

_SPECIAL: Final = frozenset("\\`*_[]<>&|~@#$!:^{}()\"'=")
_REFERRING: Final = frozenset("@#")
_LINKING: Final = re.compile(r"(?i:www\.|https?:|ftp:|\bGH-[0-9])|\b[0-9a-f]{7,40}\b")
"""What GitHub makes links of without being asked: addresses, issues and commits."""
_RUNS: Final = re.compile(r"`+")


def as_text(text: str) -> str:
    """Return text in which nothing means anything to Markdown or to GitHub."""
    apart = _LINKING.sub(lambda found: f"{found[0][0]}\u2060{found[0][1:]}", _printable(text))
    return "".join(_entity(char) for char in apart)


def as_code(text: str, *, in_table: bool = False) -> str:
    """Return text as a code span; a mention within one is none. In a table a bar would end the cell all the same."""
    clean = _printable(text).replace("|", "\\|") if in_table else _printable(text)
    longest = max((len(run) for run in _RUNS.findall(clean)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if clean.startswith("`") or clean.endswith("`") or not clean else ""
    return f"{fence}{pad}{clean}{pad}{fence}"


def _entity(char: str) -> str:
    # GitHub looks for mentions and references in what is shown, where an entity is its character again.
    apart = "&#8203;" if char in _REFERRING else ""
    return f"&#{ord(char)};{apart}" if char in _SPECIAL or char == "\u2060" else char


def _printable(text: str) -> str:
    """Return text without control characters, line ends, and what a runner takes for a command."""
    clean = "".join(char if char.isprintable() else " " if char.isspace() else f"\\u{ord(char):04x}" for char in text)
    return clean.replace("##[", "# #[")
