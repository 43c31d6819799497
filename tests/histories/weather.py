"""The weather between a client and the relay: time-outs, broken answers, late lists and late commits, by a seed."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

import httpx

from reconciler.relay.api.calls import Call, Json
from reconciler.relay.api.refusals import RefusalError
from reconciler.relay.api.table import carry_out
from reconciler.relay.plane import ControlPlane
from reconciler.streamlink.codes import Code
from reconciler.streamlink.wire import ACTIONS

LAG_S: Final = 25.0
"""How late a list may be, and a change that was cut off may be made; the settling time is 30 s, from the answer on."""
LATE_S: Final = 4.0
_LIST: Final = "DescribeStreamLinkFlows"
_CHANCES: Final = {
    "time-out before the commit": 0.03,
    "time-out after the commit": 0.05,
    "commit after the time-out": 0.03,
    "500 before the commit": 0.02,
    "500 after the commit": 0.02,
    "throttled": 0.03,
    "truncated answer": 0.03,
    "connection refused": 0.02,
    "list is late": 0.05,
    "page lacks rows": 0.04,
    "page comes twice": 0.03,
    "page is missing": 0.03,
}


@dataclass(slots=True)
class Weather:
    """Which faults happen; none while `is_fair`."""

    random: Random
    time_s: Callable[[], float]
    met: Counter[str] = field(default_factory=Counter)
    tell: Callable[[str], None] = lambda _: None
    is_fair: bool = False
    late_until_s: float = 0.0
    """Until then lists show what was there when they began to be late."""
    shown: dict[str, list[Json]] = field(default_factory=dict)
    """By region, what late lists show."""
    under_way: set[asyncio.Task[httpx.Response]] = field(default_factory=set)
    """Changes that are made although nobody waits for them any more."""

    def draws(self, fault: str) -> bool:
        """Return whether a fault happens now, and count it."""
        if self.is_fair or self.random.random() >= _CHANCES[fault]:
            return False
        self.met[fault] += 1
        self.tell(fault)
        return True

    def clear_up(self) -> None:
        """Have no fault from now on; what is late already stays late for a while."""
        self.is_fair = True


class Transport(httpx.AsyncBaseTransport):
    """Takes requests to the relay's application, through the weather."""

    def __init__(self, app: Any, weather: Weather, point: Callable[[str], None]) -> None:
        self._inner = httpx.ASGITransport(app)
        self._weather = weather
        self._point = point
        """Called wherever a process may die: before a request is sent, and when its answer is there."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return its answer as the weather lets it through."""
        action, weather = request.headers["X-TC-Action"], self._weather
        self._point(f"before {action} is sent")
        if weather.draws("connection refused"):
            raise httpx.ConnectError("refused on purpose", request=request)
        if weather.draws("time-out before the commit"):
            await asyncio.sleep(weather.random.uniform(0, 20))
            raise httpx.ReadTimeout("a time-out on purpose", request=request)
        if weather.draws("500 before the commit"):
            return httpx.Response(500, content=b"on purpose")
        return await self._sent(request, action)

    async def _sent(self, request: httpx.Request, action: str) -> httpx.Response:
        weather = self._weather
        is_late = ACTIONS[action].writes and weather.draws("commit after the time-out")
        pause_s = weather.random.uniform(0.1, LATE_S) if is_late else 0.0
        task = asyncio.ensure_future(self._made(request, pause_s))
        weather.under_way.add(task)
        task.add_done_callback(weather.under_way.discard)
        self._point(f"when {action} is sent")
        if is_late:
            raise httpx.ReadTimeout("a time-out on purpose", request=request)
        answer = await asyncio.shield(task)
        self._point(f"when {action} is answered")
        return self._answered(request, answer)

    async def _made(self, request: httpx.Request, pause_s: float) -> httpx.Response:
        if pause_s:
            await asyncio.sleep(pause_s)
        response = await self._inner.handle_async_request(request)
        return httpx.Response(response.status_code, content=await response.aread(), headers=response.headers)

    def _answered(self, request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        weather = self._weather
        if weather.draws("time-out after the commit"):
            raise httpx.ReadTimeout("a time-out on purpose", request=request)
        if weather.draws("500 after the commit"):
            return httpx.Response(500, content=b"on purpose")
        if weather.draws("truncated answer"):
            return httpx.Response(200, content=answer.content[: len(answer.content) // 2])
        return answer


Look = Callable[[ControlPlane, Call], None]


def handler(weather: Weather, before: Look, after: Look) -> Callable[[ControlPlane, Call], Coroutine[Any, Any, Json]]:
    """Return what carries out calls: lists as the weather has them, and somebody who looks at every write."""

    async def handle(plane: ControlPlane, call: Call) -> Json:
        if weather.draws("throttled"):
            raise RefusalError(Code.REQUEST_LIMIT_EXCEEDED, "Too many calls (on purpose).")
        before(plane, call)
        if call.action == _LIST:
            return await _listed(plane, call, weather)
        answer = await carry_out(plane, call)
        after(plane, call)
        return answer

    return handle


async def _listed(plane: ControlPlane, call: Call, weather: Weather) -> Json:
    """Return a page of at most two flows of what a list shows now."""
    now_s = weather.time_s()
    if now_s >= weather.late_until_s and weather.draws("list is late"):
        weather.late_until_s = now_s + weather.random.uniform(1, LAG_S)
        weather.shown = {region: await _whole(plane, call, region) for region in plane.regions}
    is_late = now_s < weather.late_until_s
    flows = weather.shown[call.region] if is_late else await _whole(plane, call, call.region)
    number, size = call.payload.get("PageNum", 1), min(2, call.payload.get("PageSize", 20))
    if number > 1 and weather.draws("page comes twice"):
        number -= 1
    if weather.draws("page is missing"):
        number += 1
    page = flows[(number - 1) * size : number * size]
    if page and weather.draws("page lacks rows"):
        page = page[1:]
    return {"Infos": page, "PageNum": number, "PageSize": size, "TotalNum": len(flows), "TotalPage": 1}


async def _whole(plane: ControlPlane, call: Call, region: str) -> list[Json]:
    asked = replace(call, region=region, payload={"PageNum": 1, "PageSize": 100})
    flows: list[Json] = json.loads(json.dumps((await carry_out(plane, asked))["Infos"]))
    return flows
