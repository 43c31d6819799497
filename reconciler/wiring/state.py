"""The state directory: the journal in it, and whether somebody is at work on it."""

from typing import TYPE_CHECKING

from reconciler.settings import Settings
from reconciler.wiring import machine

if TYPE_CHECKING:
    from reconciler.journal.reader import JournalReader
    from reconciler.ports.journal import Journal
    from reconciler.ports.orders import OrderBook


def journal(settings: Settings) -> "Journal":
    """Return where passes write down what they do; nothing is opened before something is written, or asked."""
    from reconciler.journal.schema import FILE_NAME
    from reconciler.journal.sqlite import SqliteJournal

    return SqliteJournal(settings.state / FILE_NAME, machine.clock())


def reading_journal(settings: Settings) -> "JournalReader":
    """
    Return the journal to be read, while others may write it; one that is not there yet is empty.

    Raises:
        EnvironmentFailedError: it cannot be read.

    """
    from reconciler.journal.reader import JournalReader
    from reconciler.journal.schema import FILE_NAME

    return JournalReader(settings.state / FILE_NAME)


def orders(settings: Settings) -> "OrderBook":
    """Return where people's orders beside git are kept."""
    from reconciler.coordination.orders import OrdersInDirectory

    return OrdersInDirectory(settings.state, machine.clock())


def is_held(settings: Settings) -> bool:
    """Return whether a `run` or a `relay` is at work on the state directory."""
    from reconciler.coordination.alone import holder_of

    return holder_of(settings.state) is not None
