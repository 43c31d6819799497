"""What is said of an end in every family of engines."""

from dataclasses import replace
from typing import Final

from reconciler.relay.media import EndHealth, EndState, FlowMedia, InputMedia, NotCarried, OutputMedia

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
