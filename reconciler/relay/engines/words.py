"""What is said of an end in every family of engines."""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from reconciler.relay.media import EndHealth, EndState, FlowMedia, InputMedia, NotCarried, OutputMedia

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

WAITING: Final = EndHealth(state=EndState.WAITING)


def not_carried(end: NotCarried) -> EndHealth:
    """Return the health of an end whose protocol these engines do not carry."""
    return EndHealth(state=EndState.IDLE, last_error=f"{end.protocol} is not carried by the engines of this relay")


def ends_of(flow: FlowMedia) -> tuple[InputMedia | OutputMedia, ...]:
    """Return the input and the outputs of a flow."""
    return (flow.input, *flow.outputs)


def waiting(reason: str) -> EndHealth:
    """Return the health of an end that is not connected."""
    return EndHealth(state=EndState.WAITING, last_error=reason)


def after(mishap: str, health: EndHealth) -> EndHealth:
    """Return the health of an end whose engine was started anew: what has no trouble of its own tells of that."""
    if mishap and health.state is not EndState.IDLE and not health.last_error:
        return replace(health, last_error=mishap)
    return health


def of_present(remembered: Mapping[Key, Value], flow: FlowMedia) -> dict[Key, Value]:
    """Return what is remembered of ends that the flow still has; a key is an end, or a tuple that begins with one."""
    present = {end.id for end in ends_of(flow)}
    return {key: value for key, value in remembered.items() if (key[0] if isinstance(key, tuple) else key) in present}
