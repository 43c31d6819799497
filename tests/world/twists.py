"""Mutations that make two documents say the same, or take something away that another one needs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.world.mutations import Path
from tests.world.world import Json, World, role_of


@dataclass(frozen=True, kw_only=True)
class Twist:
    """One field of a world is changed, in a way that another document decides."""

    rule: str
    name: str
    spoil: Callable[[World], tuple[int, Path]]
    """Changes the world, and returns the document and the place where the fault is told."""

    def __str__(self) -> str:
        """Return a name for a report."""
        return f"{self.rule} {self.name}"


def _of(world: World, role: str, *, count: int = 1, flow: str | None = None) -> list[int]:
    """Return the numbers of the first documents of a role, of one flow if it is named."""
    fits = [
        number
        for number, one in enumerate(world.documents)
        if role_of(one) == role and (flow is None or one["spec"].get("flow") == flow)
    ]
    return fits[:count]


def _same_flow(world: World) -> tuple[int, Path]:
    _, later = _of(world, "rtsp", count=2)
    # The second is of no output any more; it is called as the first is.
    name = world[_of(world, "rtsp")[0]]["metadata"]["name"]
    for number in _named_by(world, world[later]["metadata"]["name"]):
        world[number]["spec"]["flow"] = name
        world[number]["metadata"]["name"] += "_moved"
    world[later]["metadata"]["name"] = name.upper()
    return later, ("metadata", "name")


def _named_by(world: World, flow: str) -> Iterator[int]:
    return (number for number, one in enumerate(world.documents) if one["spec"].get("flow") == flow)


def _same_output(world: World) -> tuple[int, Path]:
    first, later = _of(world, "rtp_out", count=2)
    world[later]["metadata"]["name"] = world[first]["metadata"]["name"].upper()
    return later, ("metadata", "name")


def _same_live_flow(world: World) -> tuple[int, Path]:
    (first,) = _of(world, "listener")
    region = world[first]["spec"]["region"]
    later = next(
        number
        for number, one in enumerate(world.documents)
        if number > first and one["kind"] == "Flow" and one["spec"]["region"] == region
    )
    world[later]["spec"]["liveName"] = world[first]["spec"]["liveName"]
    return later, ("spec", "liveName")


def _same_live_output(world: World) -> tuple[int, Path]:
    first, later = _of(world, "rtmp_pull_out", count=2)
    world[later]["spec"]["liveName"] = world[first]["metadata"]["name"]
    return later, ("spec", "liveName")


def _fed_wrongly(world: World) -> tuple[int, Path]:
    (number,) = _of(world, "rtsp_out")
    (rtp,) = _of(world, "rtp")
    world[number]["spec"]["flow"] = world[rtp]["metadata"]["name"]
    world[number]["metadata"]["name"] = "moved"
    return number, ("spec", "protocol")


def _same_push(world: World) -> tuple[int, Path]:
    first, *_ = _of(world, "rtmp_push")
    later = next(number for number in _of(world, "rtmp_push", count=99) if number > first + 4)
    path: Path = ("spec", "rtmpPush", "destinations", 0)
    world[later]["spec"]["rtmpPush"]["destinations"][0] = dict(
        world[first]["spec"]["rtmpPush"]["destinations"][0], url="RTMPS://".lower() + "PLATFORM-1-0.example:443/live/"
    )
    return later, path


def _same_rtp(world: World) -> tuple[int, Path]:
    first, later = _of(world, "rtp_out", count=2)
    path: Path = ("spec", "rtp", "destinations", 0, "host")
    _set(world[later], path, world[first]["spec"]["rtp"]["destinations"][0]["host"].upper())
    return later, path[:-1]


def _same_caller(world: World) -> tuple[int, Path]:
    first, later = _of(world, "srt_caller", count=2)
    world[later]["spec"]["srt"]["destination"] = dict(world[first]["spec"]["srt"]["destination"])
    world[later]["spec"]["srt"]["streamId"] = world[first]["spec"]["srt"]["streamId"]
    return later, ("spec", "srt", "destination")


def _own_call(world: World) -> tuple[int, Path]:
    (number,) = _of(world, "link")
    path: Path = ("spec", "srt", "destination", "flow")
    _set(world[number], path, world[number]["spec"]["flow"])
    return number, path


def _own_pull(world: World) -> tuple[int, Path]:
    (flow,) = _of(world, "rtmp_pull")
    (number,) = _of(world, "rtmp_push", flow=world[flow]["metadata"]["name"])
    world[number]["spec"]["rtmpPush"]["destinations"][0] = dict(world[flow]["spec"]["input"]["rtmpPull"])
    return number, ("spec", "rtmpPush", "destinations", 0)


def _circle(world: World) -> tuple[int, Path]:
    """Let the target of the first link call back."""
    (link,) = _of(world, "link")
    here, there = world[link]["spec"]["flow"], world[link]["spec"]["srt"]["destination"]["flow"]
    (back,) = _of(world, "srt_caller", flow=there)
    source = world[next(n for n, one in enumerate(world.documents) if one["metadata"]["name"] == here)]
    world[back]["spec"]["srt"] = {**source["spec"]["input"]["srt"], "mode": "caller", "destination": {"flow": here}}
    return link, ("spec", "srt", "destination", "flow")


def _without_outputs(world: World) -> tuple[int, Path]:
    first, second = _of(world, "rtp", count=2)
    for number in _named_by(world, world[second]["metadata"]["name"]):
        world[number]["spec"]["flow"] = world[first]["metadata"]["name"]
        world[number]["metadata"]["name"] += "_moved"
    return second, ("metadata", "name")


def _told_how(kind: str, at: Path, *specs: Json) -> Callable[[World], tuple[int, Path]]:
    """Return what adds documents that say how changes are made; the last one has the fault."""

    def spoil(world: World) -> tuple[int, Path]:
        for number, spec in enumerate(specs):
            world.documents.append(
                {"apiVersion": "reconciler/v1", "kind": kind, "metadata": {"name": f"how_{number}"}, "spec": spec}
            )
        return len(world.documents) - 1, at

    return spoil


_END: Final = {"reason": "why", "expires": "2026-11-28T18:00:00Z"}
_OVERRIDE: Final[Json] = {"action": "edit", "lifts": ["window"], **_END}
_APPROVAL: Final[Json] = {"resource": "flow/gone", "action": "delete", "change": "3f9ac1d2e4b5", **_END}


def _calendar(at: Path, window: Json, zone: str = "Europe/Berlin") -> Callable[[World], tuple[int, Path]]:
    return _told_how("Calendar", at, {"zone": zone, "windows": [{"kind": "freeze", **window}]})


_EVENING: Final = {"from": "2026-11-28T19:00", "to": "2026-11-28T23:00"}
_WINDOW: Final[Path] = ("spec", "windows", 0)


def _moved_from(world: World) -> tuple[int, Path]:
    first, second = (world[number]["metadata"]["name"] for number in _of(world, "listener", count=2))
    return _told_how("Move", ("spec", "from"), {"from": f"flow/{first}", "to": f"flow/{second}"})(world)


def _moved_twice(world: World) -> tuple[int, Path]:
    now = world[_of(world, "listener")[0]]["metadata"]["name"]
    moves = [{"from": f"flow/{before}", "to": f"flow/{now}"} for before in ("a", "b")]
    return _told_how("Move", ("spec", "to"), *moves)(world)


def _set(document: Any, path: Path, value: Any) -> None:
    *way, last = path
    for part in way:
        document = document[part]
    document[last] = value


TWISTS: Final = (
    Twist(rule="SL303", name="two flows, but for the case", spoil=_same_flow),
    Twist(rule="SL303", name="two outputs, but for the case", spoil=_same_output),
    Twist(rule="SL304", name="two flows of a region", spoil=_same_live_flow),
    Twist(rule="SL304", name="two outputs of a flow", spoil=_same_live_output),
    Twist(rule="SL305", name="an output under another input", spoil=_fed_wrongly),
    Twist(rule="SL306", name="one key to one URL, spelt otherwise", spoil=_same_push),
    Twist(rule="SL309", name="a link back", spoil=_circle),
    Twist(rule="SL310", name="outputs that moved away", spoil=_without_outputs),
    Twist(rule="SL311", name="a call of its own flow", spoil=_own_call),
    Twist(rule="SL311", name="a push to what its flow pulls", spoil=_own_pull),
    Twist(rule="SL312", name="one RTP address", spoil=_same_rtp),
    Twist(rule="SL312", name="one SRT listener and stream id", spoil=_same_caller),
    Twist(
        rule="SL401",
        name="an address without its kind",
        spoil=_told_how("Override", ("spec", "resource"), {"resource": "news", **_OVERRIDE}),
    ),
    Twist(
        rule="SL402", name="no such day", spoil=_calendar((*_WINDOW, "from"), {**_EVENING, "from": "2026-02-30T19:00"})
    ),
    Twist(rule="SL403", name="no such zone", spoil=_calendar(("spec", "zone"), _EVENING, zone="Europe/Hamburg")),
    Twist(
        rule="SL404",
        name="a window backwards",
        spoil=_calendar((*_WINDOW, "to"), {**_EVENING, "to": "2026-11-27T23:00"}),
    ),
    Twist(
        rule="SL405",
        name="an hour that is skipped",
        spoil=_calendar((*_WINDOW, "from"), {"from": "2027-03-28T02:00", "to": "2027-03-28T03:00"}),
    ),
    Twist(
        rule="SL406",
        name="an approval of a create",
        spoil=_told_how("Approval", ("spec", "action"), {**_APPROVAL, "action": "create"}),
    ),
    Twist(
        rule="SL407",
        name="an override of nothing",
        spoil=_told_how("Override", ("spec", "resource"), {"resource": "flow/gone", **_OVERRIDE}),
    ),
    Twist(
        rule="SL408",
        name="an approval twice",
        spoil=_told_how("Approval", ("spec", "change"), _APPROVAL, _APPROVAL),
    ),
    Twist(
        rule="SL410",
        name="a move to nothing",
        spoil=_told_how("Move", ("spec", "to"), {"from": "flow/before", "to": "flow/after"}),
    ),
    Twist(rule="SL411", name="a move from what is there", spoil=_moved_from),
    Twist(
        rule="SL412",
        name="a move into another flow",
        spoil=_told_how("Move", ("spec", "to"), {"from": "output/a/x", "to": "output/b/x"}),
    ),
    Twist(rule="SL413", name="two moves to one", spoil=_moved_twice),
)
