"""What is timed of a pass: the pass, what is read, each change, and each call within it."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from reconciler.ports.telemetry import Span, Untold
from tests.builders import flow, output
from tests.unit.engine.loops import running
from tests.unit.engine.worlds import a_world

pytestmark = pytest.mark.anyio


class Noted:
    """Implements `ports.telemetry.Span`, and keeps what is said of it."""

    def __init__(self, name: str, attributes: dict[str, str | float | bool]) -> None:
        self.name = name
        self.attributes = attributes

    def note(self, **attributes: str | float | bool) -> None:
        """Keep it."""
        self.attributes |= attributes


class Timed(Untold):
    """Keeps every span that was begun, in order."""

    def __init__(self) -> None:
        self.spans: list[Noted] = []

    @contextlib.contextmanager
    def span(self, name: str, **attributes: str | float | bool) -> Iterator[Span]:
        """Keep it."""
        self.spans.append(Noted(name, dict(attributes)))
        yield self.spans[-1]


async def test_a_pass_is_timed_in_its_parts() -> None:
    """Whoever asks why a pass took long sees the call that did, by its request id."""
    small = a_world()
    timed = Timed()
    small.world = replace(small.world, telemetry=timed)
    small.source.write("one", flow(), output())

    async with running(small):
        pass

    names = [span.name for span in timed.spans]
    calls = [span.attributes for span in timed.spans if span.name == "call"]
    changes = [span.attributes for span in timed.spans if span.name == "change"]
    assert names[:2] == ["pass", "observe"]
    assert timed.spans[0].attributes["revision"] == "one"
    assert [(each["resource"], each["action"], each["result"]) for each in changes] == [
        ("flow/news", "create", "done"),
        ("output/news/tower", "create", "done"),
        ("flow/news", "start", "done"),
    ]
    assert all(str(each["request_id"]).startswith("request-") for each in calls)
