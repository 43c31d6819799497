"""Events: whole for machines, brief on a terminal."""

import io
import json
from typing import Any

import pytest
import structlog

from reconciler.cli.logs import OF_CALLS, configure
from reconciler.settings import LogFormat

REVISION = "3ecfe3e818a1cd8fe8217050234085b049cf1781"
PASS: dict[str, Any] = {"revision": REVISION, "creates": 3, "edits": 0, "findings": [], "why": ""}
CALL = "streamlink.call_finished"


class Terminal(io.StringIO):
    """A stream that people read."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def told(stream: io.StringIO, wanted: LogFormat | None = None) -> str:
    """Return what is written of a pass, of a call that went well, and of one that did not."""
    configure(wanted, color=False, stream=stream, spared=OF_CALLS)
    log = structlog.get_logger()
    log.info("reconcile.pass_finished", **PASS)
    log.info(CALL, action="StartStreamLinkFlow", code="")
    log.info(CALL, action="StopStreamLinkFlow", code="InternalError")
    return stream.getvalue()


def test_a_terminal_is_spared_what_says_nothing() -> None:
    """Counts of none, the rest of a hash, the date, and calls that went well; what failed is told."""
    first, second = told(Terminal()).splitlines()

    assert first.split() == [first[:8], "[info", "]", "reconcile.pass_finished", "revision=3ecfe3e818a1", "creates=3"]
    assert (first[2], first[5]) == (":", ":")
    assert second.split()[3:] == [CALL, "action=StopStreamLinkFlow", "code=InternalError"]


def test_a_machine_is_told_all() -> None:
    """Every event with every field, the time in UTC."""
    lines = [json.loads(line) for line in told(io.StringIO()).splitlines()]

    assert [line["event"] for line in lines] == ["reconcile.pass_finished", CALL, CALL]
    assert {name: lines[0][name] for name in PASS} == PASS
    assert lines[0]["timestamp"].endswith("Z")


@pytest.mark.parametrize(("stream", "wanted"), [(io.StringIO(), LogFormat.TEXT), (Terminal(), LogFormat.JSON)])
def test_who_chooses_a_format_gets_it_whole(stream: io.StringIO, wanted: LogFormat) -> None:
    """Text in a file and JSON on a terminal leave nothing out."""
    text = told(stream, wanted)

    assert len(text.splitlines()) == 3
    assert REVISION in text
