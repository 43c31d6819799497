"""From the bytes of a file to text that YAML may be read from."""

import codecs
import re
from dataclasses import dataclass
from typing import Final

from reconciler.domain.findings import Rule
from reconciler.domain.rules.catalogue import NOT_TEXT

_OTHER_MARKS: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_REFUSED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)")
"""Control characters; and line ends that some readers count and others do not, which would move every position."""


_ORDINARY: Final = bytes(range(0x20, 0x7F)) + b"\t\n"
"""What nearly every manifest is made of, and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFault:
    """What is wrong with the text itself, and where; it quotes nothing."""

    rule: Rule
    line: int
    """From 1."""
    column: int
    """From 1, in code points."""
    message: str
    hint: str = ""
    node: int | None = None
    """The value that cannot be relied on, by its number in reading order; None when every value can."""


def plain(content: bytes) -> bytes | LoadFault:
    """Return the UTF-8 text of a file without its byte-order mark, or why it has none."""
    if not content.translate(None, _ORDINARY):
        return content
    if content.startswith(_OTHER_MARKS):
        return _fault(1, 1, "the file is UTF-16 or UTF-32", "save it as UTF-8")
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        if b"\0" in content:
            return _fault(1, 1, "the file is binary, or not UTF-8", "name it in .reconcilerignore")
        line, column = _position(content[: error.start].decode())
        return _fault(line, column, f"byte 0x{content[error.start]:02x} is not UTF-8", "save the file as UTF-8")
    refused = _REFUSED.search(text)
    if refused is not None:
        line, column = _position(text[: refused.start()])
        return _fault(
            line,
            column,
            f"the character U+{ord(refused[0]):04X} is not allowed",
            'remove it, or write "\\u…" in quotes',
        )
    return content


def _position(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _fault(line: int, column: int, message: str, hint: str) -> LoadFault:
    return LoadFault(rule=NOT_TEXT, line=line, column=column, message=message, hint=hint)
