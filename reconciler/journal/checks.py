"""A check of the journal: can it be read, and is it whole."""

import contextlib
from pathlib import Path

from reconciler.journal.reader import JournalReader
from reconciler.ports.checks import BlockingCheck, Sign, fail, ok


def journal_checks(path: Path) -> tuple[BlockingCheck, ...]:
    """Return the check of a journal, which need not be there yet."""

    def look() -> tuple[Sign, ...]:
        with contextlib.closing(JournalReader(path)) as reader:
            if not reader.is_there:
                return (ok("journal", "there is none yet; `run` and `apply` write one"),)
            flaws, unsettled = reader.flaws(), len(reader.unsettled())
        if flaws:
            said = f"{path} is damaged: {flaws[0]}"
            return (fail("journal", said, f"It holds history and nothing else: move it aside, mv {path} {path}.old"),)
        tail = f", {unsettled} calls of which the outcome is not known" if unsettled else ""
        return (ok("journal", f"{path} is whole{tail}"),)

    return (BlockingCheck(about="journal", look=look),)
