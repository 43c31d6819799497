"""What is said to try a sink out. Pure."""

from datetime import datetime

from reconciler.notifying.notices import About, Grade, Item, Message, Word, message_of


def trial(account: str, name: str, now: datetime) -> Message:
    """Return a message that says that it is a test."""
    item = Item(
        resource="notifications",
        aspect="Test",
        word=Word.NEWS,
        grade=Grade.INFO,
        reason="",
        text=f"`reconciler notify test` was run, and {name} can be reached",
        since=now,
        at=now,
    )
    return message_of([item], About(account=account), to=name)
