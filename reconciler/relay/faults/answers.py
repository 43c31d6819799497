"""Faults of what is read: the call is carried out, and its answer is not what it was."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from reconciler.relay.api.calls import Call, Handler, Json
from reconciler.relay.faults.calls import Fault, Time
from reconciler.relay.faults.knobs import AllowedProtocolsNull, DelayedStates, Knob, MaskedSecrets, Shown, UnknownFields
from reconciler.relay.faults.turns import Turns
from reconciler.relay.flows import FlowState
from reconciler.relay.plane import ControlPlane

_SECRETS: Final = frozenset({"Passphrase", "StreamKey"})
_URLS: Final = frozenset({"Url", "TcUrl"})
_STARS: Final = "******"
_UNKNOWN: Final[Json] = {
    "UnknownText": "unknown",
    "UnknownNumber": 1,
    "UnknownObject": {"UnknownFlag": True},
    "UnknownList": [{"UnknownFlag": False}],
}
"""Members that no document of the vendor's names, of every type."""
_ALLOWED: Final = frozenset({"AllowedInputProtocols", "AllowedOutputProtocols"})
_FORMER: Final = {"StartStreamLinkFlow": FlowState.IDLE, "StopStreamLinkFlow": FlowState.RUNNING}
"""What a flow was before the action was carried out."""


def fault_of(knob: Knob, time: Time) -> Fault | None:
    """Return the fault of a knob; None where it is none of this module."""
    match knob:
        case MaskedSecrets():
            return _Changed(Turns(knob), lambda name, value: _masked(name, value, knob))
        case UnknownFields():
            return _Changed(Turns(knob), lambda _, value: {**value, **_UNKNOWN} if isinstance(value, dict) else value)
        case AllowedProtocolsNull():
            return _Changed(Turns(knob), lambda name, value: None if name in _ALLOWED else value)
        case DelayedStates():
            return _Delayed(knob, time)
        case _:
            return None


Change = Callable[[str, Any], Any]
"""Takes the name that a value stands under, "" for the answer itself, and the value; returns what is read there."""


class _Changed:
    """Changes every value of an answer, however deep; what the relay keeps stays as it is."""

    def __init__(self, turns: Turns, change: Change) -> None:
        self._turns = turns
        self._change = change

    async def __call__(self, plane: ControlPlane, call: Call, *, inner: Handler) -> Json:
        answer = await inner(plane, call)
        changed: Json = _changed("", answer, self._change)
        # An answer that has nothing to change has not met the fault.
        return changed if changed != answer and self._turns.come_to(call) else answer


def _changed(name: str, value: Any, change: Change) -> Any:
    if isinstance(value, dict):
        value = {key: _changed(key, member, change) for key, member in value.items()}
    elif isinstance(value, list):
        value = [_changed(name, member, change) for member in value]
    return change(name, value)


def _masked(name: str, value: Any, knob: MaskedSecrets) -> Any:
    if not isinstance(value, str) or not (value or knob.even_empty):
        return value
    if name in _SECRETS:
        return {Shown.STARS: _STARS, Shown.EMPTY: "", Shown.ABSENT: None}[knob.shown]
    return _without_password(value, _STARS if knob.shown is Shown.STARS else "") if name in _URLS else value


def _without_password(url: str, mask: str) -> str:
    parts = urlsplit(url)
    userinfo, at, location = parts.netloc.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    return urlunsplit(parts._replace(netloc=f"{user}:{mask}@{location}")) if at and colon else url


@dataclass(slots=True)
class _Former:
    """A state that is over, and how long it is still read."""

    state: FlowState
    until_s: float | None
    reads: int | None


class _Delayed:
    """Shows the former state of a flow for a while."""

    def __init__(self, knob: DelayedStates, time: Time) -> None:
        self._knob = knob
        self._turns = Turns(knob)
        self._time = time
        self._former: dict[str, _Former] = {}

    async def __call__(self, plane: ControlPlane, call: Call, *, inner: Handler) -> Json:
        answer = await inner(plane, call)
        if call.action in _FORMER:
            if self._turns.come_to(call):
                self._former[call.payload["FlowId"]] = self._begun(_FORMER[call.action])
            return answer
        return {name: self._shown(value, call) for name, value in answer.items()}

    def _begun(self, state: FlowState) -> _Former:
        seconds = self._knob.seconds
        until_s = None if seconds is None else self._time.monotonic_s() + seconds
        return _Former(state, until_s, self._knob.reads)

    def _shown(self, value: Any, call: Call) -> Any:
        """Return a flow, or a list of them, as they were; anything else as it is."""
        if isinstance(value, list):
            return [self._shown(member, call) for member in value]
        if not isinstance(value, dict) or not {"FlowId", "State"} <= value.keys():
            return value
        former = self._former.get(value["FlowId"])
        if former is None or self._is_over(former):
            return value
        self._turns.tell(call)
        return {**value, "State": former.state.value}

    def _is_over(self, former: _Former) -> bool:
        """Return whether the state is shown no more; a read that shows it is counted."""
        if former.until_s is not None:
            return self._time.monotonic_s() >= former.until_s
        if not former.reads:
            return True
        former.reads -= 1
        return False
