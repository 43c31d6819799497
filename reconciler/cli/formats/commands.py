"""Commands that people copy: whole, or broken only where a shell goes on."""

import re
from typing import Final

_WORD: Final = re.compile(r"""(?:--[a-z-]+ )?(?:'[^']*'|"[^"]*"|[^\s'"])+""")
_GOES_ON: Final = " \\"


def lines_of(command: str, *, width: int | None) -> list[str]:
    """Return a command in lines of at most so many columns that a shell takes as one; no word of it is cut."""
    if width is None or len(command) <= width:
        return [command]
    first, *words = _WORD.findall(command)
    lines = [first]
    for word in words:
        if len(lines[-1]) + 1 + len(word) + len(_GOES_ON) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}")
    return [*(line + _GOES_ON for line in lines[:-1]), lines[-1]]
