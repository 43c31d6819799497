"""What `status` gathers and shows, and what it never shows."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import click
import pytest

from reconciler.cli import status_view
from reconciler.cli.health import last_trouble, overview
from reconciler.cli.urls import masked, whole_url
from reconciler.domain.changes import Create, FlowAt
from reconciler.domain.errors import NotFoundError, UnavailableError, UsageError
from reconciler.domain.model import Flow, Output
from reconciler.ports.backend import EndEvent, EndStatus
from tests.builders import US
from tests.fakes import samples
from tests.fakes.backend import FakeBackend
from tests.fakes.clock import FakeClock
from tests.fakes.samples import AWAY, FLOW_OF, REGION, SRT_CALLER, SRT_FLOW, SRT_LISTENER

CLOCK: Final = FakeClock()
NOW: Final = CLOCK.now()
LISTENS: Final = "srt://127.0.0.1:9000?mode=caller&pbkeylen=32"
CALLS: Final = EndStatus(
    id="out", is_input=False, state="Waiting", bitrate_bps=0, connected_ms=0, reconnections=0, protocol="SRT"
)


def event(code: str, message: str, seconds_ago: int, *, end_id: str = "out") -> EndEvent:
    """Return a line of a log."""
    at = NOW - timedelta(seconds=seconds_ago)
    return EndEvent(at=at, end_id=end_id, is_input=False, code=code, message=message)


async def filled(*wanted: Flow | Output) -> FakeBackend:
    """Return a backend that has these."""
    backend = FakeBackend(regions=(AWAY, REGION))
    for each in wanted:
        flow = each if isinstance(each, Flow) else FLOW_OF[each.key.flow_key]
        await backend.apply(Create(key=each.key, at=FlowAt(flow.spec.region, flow.live_name), wanted=each))
    for flow_id, found in backend.flows.items():
        # The addresses of a real service; those of the fake are of no protocol.
        outputs = tuple(replace(each, pull_urls=(LISTENS,)) if each.pull_urls else each for each in found.outputs)
        backend.flows[flow_id] = replace(found, outputs=outputs)
    return backend


@pytest.mark.parametrize(
    ("end", "events", "expected"),
    [
        pytest.param(CALLS, [event("ConnectFailed", "refused", 5)], "refused", id="an error since ever"),
        pytest.param(
            CALLS, [event("Connected", "", 2), event("ConnectFailed", "refused", 5)], "", id="connected after it"
        ),
        pytest.param(
            replace(CALLS, state="Connected", connected_ms=3000),
            [event("ConnectFailed", "refused", 5)],
            "",
            id="older than the connection",
        ),
        pytest.param(
            replace(CALLS, state="Connected", connected_ms=9000),
            [event("ConnectFailed", "destination 2: refused", 5)],
            "destination 2: refused",
            id="while another destination is connected",
        ),
        pytest.param(CALLS, [event("Disconnected", "it fell silent", 5)], "it fell silent", id="a push that ended"),
        pytest.param(
            replace(CALLS, is_called=True), [event("Disconnected", "bye", 5)], "", id="a viewer that went away"
        ),
        pytest.param(CALLS, [event("ConnectFailed", "refused", 5, end_id="x")], "", id="somebody else's"),
    ],
)
def test_the_last_error(end: EndStatus, events: list[EndEvent], expected: str) -> None:
    """It is the newest one since the end was last connected."""
    found = last_trouble(end, events, NOW)

    assert (found.message if found else "") == expected


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtmp://h:1935/live/canary", "rtmp://h:1935/live/****"),
        ("rtsp://user:canary@h:554/canary", "rtsp://****@h:554/****"),
        ("srt://h:1?mode=caller&streamid=canary&pbkeylen=16", "srt://h:1?mode=caller&streamid=****&pbkeylen=16"),
        ("rtp://h:1", "rtp://h:1"),
    ],
)
def test_keys_are_masked(url: str, shown: str) -> None:
    """What may be a key does not show, wherever in the URL it stands."""
    assert masked(url) == shown


@pytest.mark.anyio
async def test_every_flow_is_shown_and_no_secret_is() -> None:
    """Idle flows too, with each end's state and where it is reached."""
    backend = await filled(SRT_FLOW, SRT_LISTENER, SRT_CALLER)

    view = await overview(backend, CLOCK, owner=US)
    text = "\n".join(status_view.text(view, now=NOW, width=80))
    document = str(status_view.document(view, backend=backend.name))

    assert text.count("Idle") == 3
    assert "passphrase=****" in text
    assert not [canary for canary in samples.CANARIES if canary in text + document]


@pytest.mark.anyio
async def test_two_outputs_with_one_name_are_told_apart() -> None:
    """A twin and what it stands beside: each says its live name, and nothing else does."""
    backend = await filled(SRT_FLOW, SRT_LISTENER, SRT_CALLER)
    (flow,) = await backend.observe(REGION)
    (old,) = [output for output in flow.outputs if output.live_name == "listener"]
    backend.flows[flow.id] = replace(flow, outputs=(*flow.outputs, replace(old, id="twin", live_name="listener_t")))

    view = await overview(backend, CLOCK, owner=US)
    lines = list(status_view.text(view, now=NOW, width=80))
    document = status_view.document(view, backend=backend.name)

    told = [line.strip() for line in map(click.unstyle, lines) if "live name" in line]
    assert told == ["under the live name listener", "under the live name listener_t"]
    assert [end["live_name"] for end in document["flows"][0]["ends"]] == [None, "listener", None, "listener_t"]


@pytest.mark.anyio
async def test_a_region_that_cannot_be_read_is_told_and_the_rest_shown() -> None:
    """Nothing is hidden by the trouble of another region; when all fail, nothing could be read."""
    backend = await filled(SRT_FLOW)
    backend.unreadable[AWAY] = UnavailableError("nobody answers", maybe_applied=False)

    one = await overview(backend, CLOCK, owner=US)
    backend.unreadable[REGION] = UnavailableError("nobody answers", maybe_applied=False)
    all_of_them = await overview(backend, CLOCK, owner=US)

    assert ([flow.name for flow in one.flows], one.unreadable) == ([SRT_FLOW.key.name], ((AWAY, "nobody answers"),))
    assert (one.is_blind, all_of_them.is_blind) == (False, True)
    assert f"{AWAY} could not be read: nobody answers" in "\n".join(status_view.text(one, now=NOW, width=80))


@pytest.mark.anyio
async def test_a_name_that_is_not_found_may_be_where_nobody_could_look() -> None:
    """A slip is asked about; where a region could not be read it is not said that there is none."""
    backend = await filled(SRT_FLOW)

    with pytest.raises(NotFoundError, match=r"no flow srt_on; it has srt_in; did you mean srt_in\?$"):
        await overview(backend, CLOCK, owner=US, wanted="srt_on")
    backend.unreadable[AWAY] = UnavailableError("nobody answers", maybe_applied=False)
    with pytest.raises(NotFoundError, match=f"but it may be in {AWAY}, which could not be read"):
        await overview(backend, CLOCK, owner=US, wanted="srt_on")


@pytest.mark.anyio
async def test_a_whole_url_is_ready_for_a_player() -> None:
    """It holds the passphrase and the key length; an output that calls has none to give."""
    backend = await filled(SRT_FLOW, SRT_LISTENER, SRT_CALLER)
    (flow,) = await backend.observe(REGION)
    by_name = {output.live_name: output for output in flow.outputs}

    url = whole_url(by_name["listener"], "output/x/listener")

    assert any(f"passphrase={canary}" in url for canary in samples.CANARIES)
    assert "mode=caller&" in url
    assert "&pbkeylen=" in url
    with pytest.raises(UsageError, match="has no URL"):
        whole_url(by_name["caller"], "output/x/caller")
