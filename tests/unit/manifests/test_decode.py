"""From documents to the domain's values."""

import pytest

from reconciler.domain.model import FlowState, RtmpAddress, RtmpPush, Rtp, RtspSource, Srt
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.secrets import SecretRef, SecretSource
from reconciler.manifests import decode
from tests.unit.manifests.written import INPUTS, OUTPUTS, PLACE, flow, output


def test_every_default_of_a_flow_is_filled_in() -> None:
    """The least that a flow may say makes a whole one."""
    document = flow({"protocol": "SRT"})
    del document["spec"]["state"]

    one = decode.flow(document).flow

    assert one.live_name == "news"
    assert one.spec.max_bandwidth_bps == 10_000_000
    assert one.spec.state is FlowState.RUNNING
    assert one.spec.input.description == ""
    assert one.spec.input.allowlist == ()
    assert one.spec.input.settings == Srt(mode=SrtMode.LISTENER, latency_ms=120, peer_idle_timeout_ms=5000)


@pytest.mark.parametrize(
    ("name", "allowlist"),
    [
        ("SRT listener", ("10.0.0.0/8",)),
        ("SRT caller", None),
        ("RTMP", ("10.0.0.0/8", "11.0.0.0/8")),
        ("RTMP_PULL", None),
        ("RTP", ("10.0.0.0/8",)),
        ("RTSP", None),
    ],
)
def test_only_inputs_that_are_called_have_an_allowlist(name: str, allowlist: tuple[str, ...] | None) -> None:
    """None where nobody calls, so that it is never compared."""
    assert decode.flow(flow(INPUTS[name])).flow.spec.input.allowlist == allowlist


@pytest.mark.parametrize(
    ("name", "allowlist", "max_concurrent"),
    [
        ("SRT listener", ("10.0.0.0/8",), 2),
        ("SRT caller", None, None),
        ("RTMP", None, None),
        ("RTMP_PULL", ("10.0.0.0/8",), 4),
        ("RTP", None, None),
        ("RTSP", ("10.0.0.0/8",), 4),
    ],
)
def test_only_outputs_that_are_called_have_receivers(
    name: str, allowlist: tuple[str, ...] | None, max_concurrent: int | None
) -> None:
    """An allowlist and a number of them, four by default."""
    draft = decode.output(output(OUTPUTS[name]))

    assert (draft.allowlist, draft.max_concurrent) == (allowlist, max_concurrent)


def test_rtmp_of_an_output_means_rtmp_push() -> None:
    """The console writes both."""
    draft = decode.output(output(OUTPUTS["RTMP"]))

    key = SecretRef(source=SecretSource.ENV, name="STREAM_KEY")
    assert draft.protocol is Protocol.RTMP_PUSH
    assert draft.settings == RtmpPush(destinations=(RtmpAddress(url="rtmp://cdn.example/live", stream_key=key),))


def test_a_senders_country_decides_at_once() -> None:
    """A flow knows its region."""
    settings = decode.flow(flow(INPUTS["SRT caller"])).flow.spec.input.settings

    assert isinstance(settings, Srt)
    assert settings.latency_ms == 1000


def test_rtsp_may_need_no_login() -> None:
    """Credentials are optional."""
    one = decode.flow(flow({"protocol": "RTSP", "rtsp": {"url": "rtsp://x/1"}}))

    assert one.flow.spec.input.settings == RtspSource(url="rtsp://x/1")


def test_numbers_without_a_fraction_are_whole() -> None:
    """JSON Schema takes 9000.0 for an integer, and so do we."""
    draft = decode.output(output({"protocol": "RTP", "rtp": {"destinations": [{**PLACE, "port": 9000.0}]}}))

    assert isinstance(draft.settings, Rtp)
    assert str(draft.settings.destinations[0]) == "tower.example:9000"
