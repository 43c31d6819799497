"""Faults of the list of flows: its order and its pages. Each asks for other pages than the client did."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from reconciler.relay.api.calls import Call, Handler, Json
from reconciler.relay.faults.calls import Fault
from reconciler.relay.faults.knobs import Begin, Knob, ListOrder, MissingPage, Order, PageSizeCap, RepeatedPage
from reconciler.relay.faults.turns import Turns
from reconciler.relay.plane import ControlPlane
from reconciler.streamlink.wire import DEFAULT_PAGE_SIZE

_LIST: Final = "DescribeStreamLinkFlows"
_WHOLE: Final = 100
"""Flows a page where all are read; the relay gives no more."""


def fault_of(knob: Knob) -> Fault | None:
    """Return the fault of a knob; None where it is none of this module."""
    match knob:
        case PageSizeCap():
            return _Capped(knob)
        case RepeatedPage(page=page):
            return _Repeated(page, Turns(knob))
        case MissingPage(page=page):
            return _Missing(page, Turns(knob))
        case ListOrder(order=order):
            return _Reordered(order, Turns(knob))
        case _:
            return None


class _Capped:
    """Gives fewer flows a page than asked for."""

    def __init__(self, knob: PageSizeCap) -> None:
        self._knob = knob
        self._turns = Turns(knob)

    async def __call__(self, plane: ControlPlane, call: Call, *, inner: Handler) -> Json:
        rows = self._knob.rows
        if call.action != _LIST or _size(call) <= rows or not self._turns.come_to(call):
            return await inner(plane, call)
        if self._knob.begin is Begin.GIVEN:
            return await inner(plane, _asking(call, _number(call), rows))
        answer = await inner(plane, call)
        return {**answer, "Infos": answer["Infos"][:rows], "PageSize": rows}


class _Repeated:
    """Gives the page before in place of one."""

    def __init__(self, page: int, turns: Turns) -> None:
        self._page = page
        self._turns = turns

    async def __call__(self, plane: ControlPlane, call: Call, *, inner: Handler) -> Json:
        if call.action != _LIST or _number(call) != self._page or not self._turns.come_to(call):
            return await inner(plane, call)
        return {**await inner(plane, _asking(call, self._page - 1, _size(call))), "PageNum": self._page}


class _Missing:
    """Gives the page after in place of one and of all later ones."""

    def __init__(self, page: int, turns: Turns) -> None:
        self._page = page
        self._turns = turns

    async def __call__(self, plane: ControlPlane, call: Call, *, inner: Handler) -> Json:
        if call.action != _LIST or _number(call) < self._page or not self._turns.come_to(call):
            return await inner(plane, call)
        number = _number(call)
        return {**await inner(plane, _asking(call, number + 1, _size(call))), "PageNum": number}


class _Reordered:
    """Cuts pages from the whole list in another order."""

    def __init__(self, order: Order, turns: Turns) -> None:
        self._order = order
        self._turns = turns

    async def __call__(self, plane: ControlPlane, call: Call, *, inner: Handler) -> Json:
        if call.action != _LIST or not self._turns.come_to(call):
            return await inner(plane, call)
        number, size = _number(call), _size(call)
        flows = [flow async for flow in _every_flow(plane, call, inner)]
        if self._order is Order.REVERSED:
            flows.reverse()
        else:
            # A turn further for each page: what comes first on one page comes last on the next.
            flows = flows[number - 1 :] + flows[: number - 1]
        answer = await inner(plane, call)
        return {**answer, "Infos": flows[(number - 1) * size : number * size]}


async def _every_flow(plane: ControlPlane, call: Call, inner: Handler) -> AsyncIterator[Json]:
    number = 1
    while True:
        page = (await inner(plane, _asking(call, number, _WHOLE)))["Infos"]
        for flow in page:
            yield flow
        if len(page) < _WHOLE:
            return
        number += 1


def _asking(call: Call, number: int, size: int) -> Call:
    return replace(call, payload={**call.payload, "PageNum": number, "PageSize": size})


def _number(call: Call) -> int:
    return int(call.payload.get("PageNum", 1))


def _size(call: Call) -> int:
    return int(call.payload.get("PageSize", DEFAULT_PAGE_SIZE))
