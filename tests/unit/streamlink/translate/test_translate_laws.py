"""What is sent and read back is what was wanted, whatever it is."""

import string
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import (
    Address,
    Credentials,
    Encryption,
    Flow,
    FlowKey,
    FlowSpec,
    FlowState,
    InputSpec,
    Output,
    OutputKey,
    OutputSpec,
    Region,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    Rtp,
    RtspSource,
    Srt,
)
from reconciler.domain.protocols import KEY_LENGTHS, MAX_BANDWIDTHS_BPS, Protocol, SrtMode
from reconciler.domain.secrets import Secret
from reconciler.streamlink.translate import decode, edit, encode
from reconciler.streamlink.wire import ACTIONS, Profile, check

LOCAL = Region("local")

names = st.from_regex(r"[A-Za-z0-9_]{1,32}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" "), max_size=60).map(str.strip)
# A value of stars alone is what a mask looks like, so it is read as one.
secrets = st.text(string.ascii_letters + string.digits + "!?&=*%:@/ ", min_size=10, max_size=79).filter(
    lambda text: text.strip("*")
)
secret_values = secrets.map(Secret)
addresses = st.builds(
    Address, host=st.sampled_from(["a.example", "192.0.2.1", "2001:db8::1"]), port=st.integers(1, 65535)
)
timeouts_ms = st.integers(1000, 10_000)
encryptions = st.none() | st.builds(Encryption, key_length=st.sampled_from(KEY_LENGTHS), passphrase=secret_values)
allowlists = st.lists(st.sampled_from(["10.0.0.0/8", "203.0.113.5/32", "2001:db8::/32"]), unique=True).map(tuple)
rtmp_addresses = st.builds(
    RtmpAddress, url=st.sampled_from(["rtmp://a.example/live", "rtmps://b.example:443/x"]), stream_key=secret_values
)
rtsp_urls = st.sampled_from(["rtsp://cam.example/1", "rtsp://[2001:db8::1]:554/a?b=c#d", "rtsp://192.0.2.1"])


def srt(mode: SrtMode) -> st.SearchStrategy[Srt]:
    """Return settings of an SRT end."""
    return st.builds(
        Srt,
        mode=st.just(mode),
        latency_ms=st.integers(0, 3000),
        stream_id=st.from_regex(r"[A-Za-z0-9.#!:&,=_-]{0,40}", fullmatch=True),
        peer_idle_timeout_ms=timeouts_ms,
        encryption=encryptions,
        peer=addresses if mode is SrtMode.CALLER else st.none(),
    )


def inputs(protocol: Protocol, settings: Any, *, listens: bool) -> st.SearchStrategy[InputSpec]:
    """Return inputs of one protocol."""
    return st.builds(
        InputSpec,
        protocol=st.just(protocol),
        settings=settings,
        description=texts,
        allowlist=allowlists if listens else st.none(),
    )


def outputs(protocol: Protocol, settings: Any, *, pulled: bool) -> st.SearchStrategy[OutputSpec]:
    """Return outputs of one protocol."""
    return st.builds(
        OutputSpec,
        region=st.just(Region("eu-frankfurt")),
        protocol=st.just(protocol),
        settings=settings,
        description=texts,
        allowlist=allowlists if pulled else st.none(),
        max_concurrent=st.integers(1, 4) if pulled else st.none(),
    )


input_specs = st.one_of(
    inputs(Protocol.SRT, srt(SrtMode.LISTENER), listens=True),
    inputs(Protocol.SRT, srt(SrtMode.CALLER), listens=False),
    inputs(Protocol.RTMP, st.none(), listens=True),
    inputs(Protocol.RTMP_PULL, st.builds(RtmpPullSource, source=rtmp_addresses), listens=False),
    inputs(Protocol.RTP, st.builds(Rtp, idle_timeout_ms=timeouts_ms), listens=True),
    inputs(
        Protocol.RTSP,
        st.builds(
            RtspSource,
            url=rtsp_urls,
            credentials=st.none() | st.builds(Credentials, username=secrets, password=secret_values),
        ),
        listens=False,
    ),
)
output_specs = st.one_of(
    outputs(Protocol.SRT, srt(SrtMode.LISTENER), pulled=True),
    outputs(Protocol.SRT, srt(SrtMode.CALLER), pulled=False),
    outputs(
        Protocol.RTMP_PUSH,
        st.builds(
            RtmpPush,
            destinations=st.lists(rtmp_addresses, min_size=1, max_size=2).map(tuple),
            chunk_size=st.none() | st.integers(4096, 40_960),
        ),
        pulled=False,
    ),
    outputs(Protocol.RTMP_PULL, st.none(), pulled=True),
    outputs(
        Protocol.RTP,
        st.builds(
            Rtp,
            destinations=st.lists(addresses, min_size=1, max_size=2).map(tuple),
            idle_timeout_ms=timeouts_ms,
        ),
        pulled=False,
    ),
    outputs(Protocol.RTSP, st.none(), pulled=True),
)
flows = st.builds(
    lambda name, bandwidth_bps, spec: Flow(
        key=FlowKey(name),
        live_name=f"live {name}",
        spec=FlowSpec(region=LOCAL, max_bandwidth_bps=bandwidth_bps, state=FlowState.IDLE, input=spec),
    ),
    names,
    st.sampled_from(sorted(MAX_BANDWIDTHS_BPS.values())),
    input_specs,
)
desired_outputs = st.builds(
    lambda name, spec: Output(key=OutputKey("f", name), live_name=f"live {name}", spec=spec), names, output_specs
)
marks = st.builds(
    Mark,
    owner=st.just(Owner("us")),
    name=names,
    secret_versions=st.integers(0, 9),
    protected=st.booleans(),
    twin=st.booleans(),
)


def kept(request: dict[str, Any], **given_by_service: Any) -> dict[str, Any]:
    """Return an object as a service would keep it: what was asked, and its own."""
    return {**request, **given_by_service}


def flow_of(request: dict[str, Any], *outputs: dict[str, Any]) -> dict[str, Any]:
    """Return the flow that a service would answer with."""
    made = [kept(each, InputId="i") for each in request["InputGroup"]]
    return {**request, "FlowId": "f", "State": "IDLE", "InputGroup": made, "OutputGroup": list(outputs)}


ANY_FLOW = {"FlowName": "f", "MaxBandwidth": 10_000_000, "InputGroup": []}


@given(wanted=flows, mark=marks)
def test_a_flow_is_read_as_it_was_sent(wanted: Flow, mark: Mark) -> None:
    """Decoding what was encoded gives it back."""
    found = decode.flow(flow_of(encode.create_flow(wanted, mark)), LOCAL)

    assert (found.live_name, found.spec, found.mark) == (wanted.live_name, wanted.spec, mark)


@given(wanted=desired_outputs, mark=marks)
def test_an_output_is_read_as_it_was_sent(wanted: Output, mark: Mark) -> None:
    """Decoding what was encoded gives it back."""
    sent = encode.create_output("f", wanted, mark)["Output"]

    (found,) = decode.flow(flow_of(ANY_FLOW, kept(sent, OutputId="o")), LOCAL).outputs

    assert (found.live_name, found.spec, found.mark) == (wanted.live_name, wanted.spec, mark)


@given(before=flows, after=flows, mark=marks)
def test_an_edited_input_is_read_as_it_was_sent(before: Flow, after: Flow, mark: Mark) -> None:
    """Whatever was there before, an edit leaves what is wanted; an unmanaged allowlist takes no part."""
    (found,) = flow_of(encode.create_flow(before, mark))["InputGroup"]

    request = edit.modify_input("f", found, after, mark, Profile.MAINLAND)

    reread = decode.flow(flow_of({**ANY_FLOW, "InputGroup": [request["Input"]]}), LOCAL)
    assert check(ACTIONS["ModifyStreamLinkInput"].request, request) == ()
    assert reread.spec is not None
    assert reread.spec.input == after.spec.input


@given(before=desired_outputs, after=desired_outputs, mark=marks)
def test_an_edited_output_is_read_as_it_was_sent(before: Output, after: Output, mark: Mark) -> None:
    """Whatever was there before, an edit leaves what is wanted, but for the region and a chunk size left to the service."""
    found = kept(encode.create_output("f", before, mark)["Output"], OutputId="o")

    request = edit.modify_output("f", found, after, mark, Profile.MAINLAND)

    reread = kept(request["Output"], OutputRegion=after.spec.region)
    (output,) = decode.flow(flow_of(ANY_FLOW, reread), LOCAL).outputs
    assert check(ACTIONS["ModifyStreamLinkOutputInfo"].request, request) == ()
    assert output.spec is not None
    assert _without_chunk_size(output.spec, after.spec) == after.spec


def _without_chunk_size(found: OutputSpec, wanted: OutputSpec) -> OutputSpec:
    """Return the spec without the chunk size, where nobody wanted one."""
    if (
        isinstance(found.settings, RtmpPush)
        and isinstance(wanted.settings, RtmpPush)
        and not wanted.settings.chunk_size
    ):
        return replace(found, settings=replace(found.settings, chunk_size=None))
    return found


@given(wanted=flows | desired_outputs, mark=marks)
def test_nothing_that_is_read_shows_a_secret(wanted: Flow | Output, mark: Mark) -> None:
    """Neither wanted nor found values print what they hold."""
    if isinstance(wanted, Flow):
        found: Any = decode.flow(flow_of(encode.create_flow(wanted, mark)), LOCAL).spec
    else:
        sent = kept(encode.create_output("f", wanted, mark)["Output"], OutputId="o")
        found = decode.flow(flow_of(ANY_FLOW, sent), LOCAL).outputs[0].spec

    shown = f"{wanted!r} {found!r}"
    assert "Secret(" not in shown
    assert not any(secret.reveal() in shown for secret in _passphrases(wanted) if len(set(secret.reveal())) > 4)


def _passphrases(wanted: Flow | Output) -> list[Secret]:
    settings = wanted.spec.input.settings if isinstance(wanted.spec, FlowSpec) else wanted.spec.settings
    if isinstance(settings, Srt) and settings.encryption and isinstance(settings.encryption.passphrase, Secret):
        return [settings.encryption.passphrase]
    return []
