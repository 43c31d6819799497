"""What is news of something held back: numbers that move with every look are not, another reason is."""

import re
from typing import Final

from reconciler.domain.change_ids import change_id
from reconciler.domain.changes import Blocked, Failed, Waiting

Held = Blocked | Waiting | Failed
News = tuple[str, ...]
"""Two are equal where nothing is new."""

_NUMBER: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)*")


def news_of(item: Held) -> News:
    """
    Return what would have to differ for it to be told again.

    A bitrate or an age in the reason is another one with every look: told each time, it would bury what is new, and
    push out of the journal what people look for.
    """
    change = item.change if isinstance(item, Blocked) else None
    told = "" if change is None else change_id(change)
    hold = str(item.hold) if isinstance(item, Blocked) else ""
    return type(item).__name__, str(item.key), hold, told, _NUMBER.sub("#", item.why)
