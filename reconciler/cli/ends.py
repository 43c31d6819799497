"""Which live flow or output people mean: by its address, its name, or the name that a console shows."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from reconciler.domain.errors import NotFoundError, UsageError
from reconciler.domain.marks import Owner
from reconciler.domain.matching import ours
from reconciler.domain.model import FoundFlow, FoundOutput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.ports.backend import Backend

_Found = TypeVar("_Found", FoundFlow, FoundOutput)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEnd:
    """An output, and the flow that it is of."""

    flow: FoundFlow
    output: FoundOutput


async def all_flows(backend: "Backend") -> tuple[FoundFlow, ...]:
    """
    Return every flow of every region.

    Raises:
        BackendError: a region could not be read.

    """
    regions = await asyncio.gather(*(backend.observe(region) for region in await backend.regions()))
    return tuple(flow for flows in regions for flow in flows)


def flow_named(name: str, flows: "Iterable[FoundFlow]", *, owner: Owner) -> FoundFlow:
    """
    Return the flow that `flow/NAME`, NAME or a live name means; our own name for it counts first.

    While one is made anew beside another, the name is that of the one whose live name is for life; the other one, whose
    live name is a temporary one, is meant by that.

    Raises:
        NotFoundError: there is none.
        UsageError: there are several.

    """
    wanted = name.removeprefix("flow/")
    everything = tuple(flows)
    found = _marked(wanted, everything, owner) or [flow for flow in everything if flow.live_name == wanted]
    if not found:
        raise NotFoundError(f"The backend has no flow {wanted}; it has {_known(everything, wanted)}")
    if len(found) > 1:
        places = ", ".join(sorted(f"{flow.live_name} in {flow.region}" for flow in found))
        raise UsageError(f"{len(found)} flows are meant by {wanted}: {places}. Choose one with --region")
    return found[0]


def output_named(name: str, flows: "Iterable[FoundFlow]", *, owner: Owner) -> FoundEnd:
    """
    Return the output that `output/FLOW/NAME` or FLOW/NAME means, by our own names or by live names.

    While one is made anew beside another, the name is that of the one whose live name is for life; the other one, whose
    live name is a temporary one, is meant by that.

    Raises:
        NotFoundError: there is none.
        UsageError: the name is no address, or there are several.

    """
    flow_name, slash, output_name = name.removeprefix("output/").partition("/")
    if not slash or not output_name:
        raise UsageError(f"{name} is no output: say output/FLOW/NAME or FLOW/NAME")
    flow = flow_named(flow_name, flows, owner=owner)
    found = _marked(output_name, flow.outputs, owner) or [
        each for each in flow.outputs if each.live_name == output_name
    ]
    if not found:
        known = _known(flow.outputs, output_name)
        raise NotFoundError(f"The flow {flow_name} has no output {output_name}; it has {known}")
    if len(found) > 1:
        raise UsageError(f"{len(found)} outputs of {flow_name} bear the name {output_name}")
    return FoundEnd(flow=flow, output=found[0])


def _known(everything: "Iterable[FoundFlow | FoundOutput]", wanted: str) -> str:
    """Return the names that would do, the first of them, and the one that was meant perhaps."""
    from reconciler.cli.formats.values import named
    from reconciler.domain.rules.nearest import did_you_mean

    found = tuple(everything)
    names = sorted(each.live_name for each in found)
    if not names:
        return "none at all"
    hint = did_you_mean(wanted, {*names, *(each.mark.name for each in found if each.mark is not None)})
    return f"{named(names)}{hint and f'; {hint}'}"


def _marked(name: str, everything: "Iterable[_Found]", owner: Owner) -> "list[_Found]":
    """Return what bears our mark for this name, without the twin of a pair."""
    marked = [(each, each.mark) for each in everything if ours(each.mark, owner) and each.mark is not None]
    found = [(each, mark) for each, mark in marked if mark.name == name]
    older = [each for each, mark in found if not mark.twin]
    return older if len(older) == 1 else [each for each, _ in found]
