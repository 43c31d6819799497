"""
What disturbs whom: the checker's own table, from the words of the API and not from what the product thinks of it.

It looks at what became of a running flow, and never at the call that did it: a stop or a delete ends what was carried;
an end whose settings are replaced connects again, and with an input everything that it feeds; whoever an allowlist
or a smaller number keeps out from now on is cut off. Names, descriptions and marks are nobody's stream.
"""

import ipaddress
from collections.abc import Iterator
from itertools import chain

from reconciler.domain.model import FlowState, FoundFlow, FoundOutput, InputSpec

ANYBODY = ("192.0.2.1", "2001:db8:ffff::1")
"""Who is on no list, and let in by an empty one."""


def input_of(flow: FoundFlow) -> str:
    """Return the id of the input of a flow, as the backend in memory has it."""
    return f"{flow.id}-input"


def ends_of(flow: FoundFlow) -> frozenset[str]:
    """Return the ids of all ends of a flow."""
    return frozenset({input_of(flow), *(output.id for output in flow.outputs)})


def disturbed(before: FoundFlow, after: FoundFlow | None) -> frozenset[str]:
    """Return the ids of the ends whose stream was disturbed when a flow became what it is after."""
    if before.state is FlowState.IDLE:
        return frozenset()
    if after is None or after.state is FlowState.IDLE or _is_received_otherwise(before, after):
        return ends_of(before)
    then = {output.id: output for output in after.outputs}
    return frozenset(one.id for one in before.outputs if _is_sent_otherwise(one, then.get(one.id)))


def _is_received_otherwise(before: FoundFlow, after: FoundFlow) -> bool:
    if before.spec is None or after.spec is None:
        return before.spec != after.spec
    one, other = before.spec.input, after.spec.input
    return _said(one) != _said(other) or _keeps_out(one.allowlist, other.allowlist)


def _said(of: InputSpec) -> tuple[object, ...]:
    return of.protocol, of.settings


def _is_sent_otherwise(before: FoundOutput, after: FoundOutput | None) -> bool:
    if after is None:
        return True
    one, other = before.spec, after.spec
    if one is None or other is None:
        return one != other
    if (one.protocol, one.region, one.settings) != (other.protocol, other.region, other.settings):
        return True
    return _keeps_out(one.allowlist, other.allowlist) or (one.max_concurrent or 4) > (other.max_concurrent or 4)


def _keeps_out(before: tuple[str, ...] | None, after: tuple[str, ...] | None) -> bool:
    """Return whether one of those who were let in is kept out: asked of the edges of every network, and of anybody."""
    callers = set(chain(ANYBODY, *map(_edges, (*(before or ()), *(after or ())))))
    return any(_lets_in(before, caller) and not _lets_in(after, caller) for caller in callers)


def _edges(network: str) -> Iterator[str]:
    whole = ipaddress.ip_network(network, strict=False)
    yield str(whole[0])
    yield str(whole[-1])


def _lets_in(allowlist: tuple[str, ...] | None, caller: str) -> bool:
    address = ipaddress.ip_address(caller)
    return not allowlist or any(address in ipaddress.ip_network(network, strict=False) for network in allowlist)
