"""
Edits: the whole object again, with what is managed changed and everything else as it was.

The API's Modify replaces: what is not sent may be lost. So an edit starts from what was read a moment ago, drops what
only the service writes, and sends security groups, zones, selectors and the like back untouched.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from reconciler.domain import marks
from reconciler.domain.errors import RejectedError
from reconciler.domain.marks import Mark
from reconciler.domain.model import Flow, Output
from reconciler.streamlink.reading import Members
from reconciler.streamlink.translate import decode, encode
from reconciler.streamlink.translate.encode import Request
from reconciler.streamlink.wire import MODIFY_INPUT, MODIFY_OUTPUT, Payload, Profile, Shape

_SETTINGS: Final[Mapping[str, str]] = {
    "SRT": "SRTSettings",
    "RTP": "RTPSettings",
    "RTMP": "RTMPSettings",
    "RTMP_PULL": "RTMPPullSettings",
    "RTSP_PULL": "RTSPPullSettings",
    "RIST": "RISTSettings",
    "HLS_PULL": "HLSPullSettings",
}
"""Where each protocol's settings stand; those of the others mean nothing on an object, and are not sent back."""


def modify_input(flow_id: str, found: Payload, wanted: Flow, mark: Mark, profile: Profile) -> Request:
    """
    Return the request that edits an input.

    Args:
        flow_id: of its flow.
        found: the input, read a moment ago.
        wanted: the flow as it is to be.
        mark: as it is to be, but for what only the found one says.
        profile: which members the service knows.

    """
    managed = encode.managed_input(wanted.spec.input, _kept_mark(found, mark))
    kept = _writable(MODIFY_INPUT, found, profile, protocol=managed["Protocol"])
    # Required whatever the protocol is; empty for another one, as the vendor's own examples do.
    required: Request = {"AllowIpList": [], "SRTSettings": {}, "RTPSettings": {}}
    return {"FlowId": flow_id, "Input": encode.merged(required | kept, managed)}


def modify_output(flow_id: str, found: Payload, wanted: Output, mark: Mark, profile: Profile) -> Request:
    """
    Return the request that edits an output.

    Args:
        flow_id: of its flow.
        found: the output, read a moment ago.
        wanted: the output as it is to be.
        mark: as it is to be, but for what only the found one says.
        profile: which members the service knows.

    """
    managed = encode.managed_output(wanted, _kept_mark(found, mark))
    kept = _writable(MODIFY_OUTPUT, found, profile, protocol=managed["Protocol"])
    return {"FlowId": flow_id, "Output": encode.merged(kept, managed)}


def mark_input(flow_id: str, found: Payload, wanted: Flow, mark: Mark, profile: Profile) -> Request:
    """
    Return the request that gives an input our mark, and leaves everything else as it was read.

    Args:
        flow_id: of its flow.
        found: the input, read a moment ago.
        wanted: the flow as it was found; its secrets stand in for those that the service masks.
        mark: ours.
        profile: which members the service knows.

    Raises:
        RejectedError: another owner has marked it since.

    """
    description = _marked(found, mark)
    managed = encode.managed_input(wanted.spec.input, mark)
    kept = _writable(MODIFY_INPUT, found, profile, protocol=managed["Protocol"])
    required: Request = {"AllowIpList": [], "SRTSettings": {}, "RTPSettings": {}}
    return {"FlowId": flow_id, "Input": required | _unmasked(kept, managed) | {"Description": description}}


def mark_output(flow_id: str, found: Payload, wanted: Output, mark: Mark, profile: Profile) -> Request:
    """Return the request that gives an output our mark, and leaves everything else as it was read; as `mark_input`."""
    description = _marked(found, mark)
    managed = encode.managed_output(wanted, mark)
    kept = _writable(MODIFY_OUTPUT, found, profile, protocol=managed["Protocol"])
    return {"FlowId": flow_id, "Output": _unmasked(kept, managed) | {"Description": description}}


def _marked(found: Payload, mark: Mark) -> str:
    text, bears = marks.split(Members(found, "object").text("Description"))
    if bears is not None and bears.owner != mark.owner:
        raise RejectedError(f"Another owner, {bears.owner!r}, has marked it since it was read.")
    return marks.join(text, mark)


_SECRETS: Final = frozenset({"Passphrase", "StreamKey"})


def _unmasked(kept: Mapping[str, Any], managed: Mapping[str, Any]) -> Request:
    """Return what was read, with our values of the secrets that the service masks: a mask sent back would be one."""
    result: Request = dict(kept)
    for name, ours in managed.items():
        theirs = kept.get(name)
        if theirs is None and ours == []:
            # Some lists are required even where they are empty.
            result[name] = []
        elif name in _SECRETS and not str(theirs or "").strip("*"):
            result |= {name: ours} if theirs or ours else {}
        elif name == "Url" and decode.is_masked(str(theirs)):
            result[name] = ours
        elif isinstance(theirs, Mapping) and isinstance(ours, Mapping):
            result[name] = _unmasked(theirs, ours)
        elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
            result[name] = [
                _unmasked(*pair) if _are_objects(pair) else pair[0] for pair in zip(theirs, ours, strict=True)
            ]
    return result


def _are_objects(pair: tuple[Any, Any]) -> bool:
    return all(isinstance(each, Mapping) for each in pair)


def _kept_mark(found: Payload, mark: Mark) -> Mark:
    """Return the mark; what was made as a twin stays one, for that is why its live name is another one."""
    bears = decode.mark_of(Members(found, "object"))
    return mark if bears is None else replace(mark, twin=bears.twin)


def _writable(shape: Shape, found: Payload, profile: Profile, *, protocol: str) -> Request:
    foreign = set(_SETTINGS.values()) - {_SETTINGS[protocol]}
    projected = _projected(shape, Members(found, shape.name), profile)
    if "StreamSelector" in projected:
        foreign.add("PidSelector")  # Its predecessor: the two exclude each other.
    return {name: value for name, value in projected.items() if name not in foreign}


def _projected(shape: Shape, found: Members, profile: Profile) -> Request:
    """Return the members that the shape knows and that say something, however deep."""
    result: Request = {}
    for field in shape.fields:
        if found.payload.get(field.name) is None or profile not in field.profiles:
            continue
        if not isinstance(field.kind, Shape):
            result[field.name] = found.payload[field.name]
        elif field.many:
            result[field.name] = [_projected(field.kind, each, profile) for each in found.objects(field.name)]
        else:
            result[field.name] = _projected(field.kind, found.inner(field.name), profile)
    return result
