"""What is sent and read back is what was wanted, whatever it is."""

import string
from dataclasses import replace
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.marks import Mark
from reconciler.domain.model import Flow, Output, OutputSpec, RtmpPush
from reconciler.domain.protocols import ALLOWED_OUTPUTS, Protocol
from reconciler.domain.secrets import Secret, SecretValue
from reconciler.streamlink.translate import decode, edit, encode
from reconciler.streamlink.translate.words import STATE_WORDS
from reconciler.streamlink.wire import ACTIONS, Profile, check
from tests import strategies
from tests.builders import LOCAL

hard_secrets: Final[st.SearchStrategy[SecretValue]] = (
    st.text(string.ascii_letters + string.digits + "!?&=*%:@/#[] ", min_size=10, max_size=79)
    # One of stars alone is what a mask looks like, and is read as one.
    .filter(lambda text: text.strip("*"))
    .map(Secret)
)
"""With all that means something in a URL, where passwords of RTSP sources are sent."""
flows = strategies.flows(hard_secrets)
desired_outputs = st.sampled_from(sorted(ALLOWED_OUTPUTS)).flatmap(
    lambda fed_by: strategies.outputs("news", Protocol(fed_by), hard_secrets)
)
marks = strategies.marks.filter(bool)


def kept(request: dict[str, Any], **given_by_service: Any) -> dict[str, Any]:
    """Return an object as a service would keep it: what was asked, and its own."""
    return {**request, **given_by_service}


def flow_of(request: dict[str, Any], *outputs: dict[str, Any], state: str = "IDLE") -> dict[str, Any]:
    """Return the flow that a service would answer with."""
    made = [kept(each, InputId="i") for each in request["InputGroup"]]
    return {**request, "FlowId": "f", "State": state, "InputGroup": made, "OutputGroup": list(outputs)}


ANY_FLOW = {"FlowName": "f", "MaxBandwidth": 10_000_000, "InputGroup": []}


@given(wanted=flows, mark=marks)
def test_a_flow_is_read_as_it_was_sent(wanted: Flow, mark: Mark) -> None:
    """Decoding what was encoded gives it back."""
    answered = flow_of(encode.create_flow(wanted, mark), state=STATE_WORDS[wanted.spec.state])

    found = decode.flow(answered, wanted.spec.region)

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
    """Whatever was there before, an edit leaves what is wanted, but for what it cannot say or does not manage."""
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
