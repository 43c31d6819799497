"""Values that are looked for, and every form in which something could tell them."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, quote_plus

SPECIAL: Final = "\"%'/+\\&=<>#:@"
"""What quoting changes in one form or another; it stands behind the core, which no form changes."""
_FEWEST: Final = 10
"""Characters that are told together by chance alone: hardly ever so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A secret's value that nothing may tell."""

    place: str
    """Where it is given, in words."""
    core: str
    """Its first part, of letters and digits alone."""

    @property
    def value(self) -> str:
        """Return the whole value."""
        return self.core + SPECIAL

    def told_by(self, content: bytes) -> bool:
        """Return whether it stands in the content, in any form."""
        # Without zero bytes text of two bytes a character is text of one.
        return any(form in content or form in content.replace(b"\0", b"") for form in self.forms())

    def forms(self) -> Iterator[bytes]:
        """Yield every form of it."""
        for text in (self.core, self.value):
            yield from (form.encode() for form in (text, text[::-1], text.lower(), text.upper()))
            yield from (quoted.encode() for quoted in (quote(text, safe=""), quote_plus(text), quote(text)))
            yield from (quoted.encode() for quoted in (json.dumps(text)[1:-1], repr(text)[1:-1]))
            yield from (text.encode().hex().encode(), text.encode().hex().upper().encode())
            yield from _in_base64(text.encode())


def canary(place: str, number: int) -> Canary:
    """Return a value for one place, unlike that of any other."""
    return Canary(place=place, core=f"Zk{number:02d}QvXw{number:02d}Jh")


def _in_base64(content: bytes) -> Iterator[bytes]:
    """Yield what of its Base64 is the same whatever stands before and behind it."""
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            coded = encode(bytes(before) + content).rstrip(b"=")
            whole = (before + len(content)) // 3 * 4
            kept = coded[(0, 2, 3)[before] : whole]
            if len(kept) >= _FEWEST:
                yield kept
