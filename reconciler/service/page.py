"""The page at `/`: how the loop is and what is not in step, for a person with a browser and nothing else."""

import html
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from reconciler.domain.conditions import Aspect, Standing
from reconciler.ports.status import Board, ResourceStatus, Vitals
from reconciler.service import views
from reconciler.service.problems import HEADERS

MOST_ROWS: Final = 200
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_HEADERS: Final = {**HEADERS, "Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
_STYLE: Final = (
    "body{font:1rem/1.4 system-ui,sans-serif;margin:2rem;max-width:75rem}table{border-collapse:collapse}"
    "th,td{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top;border-bottom:1px solid #ccc}"
)


def page(board: Board) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers with the page."""

    async def answer(_request: Request) -> Response:
        return Response(_page(board), headers=_HEADERS, media_type="text/html")

    return answer


def _page(board: Board) -> str:
    statuses = tuple(board.resources().values())
    behind = [status for status in statuses if not _is_well(status)]
    shown = behind[:MOST_ROWS]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>reconciler</title><style>{_STYLE}</style><h1>reconciler</h1>",
        _table(("", ""), _vitals(board.vitals())),
        f"<h2>{len(behind)} of {len(statuses)} resources need a look</h2>",
        _table(("resource", "condition", "since", "message"), (row for each in shown for row in _rows(each))),
    ]
    if len(behind) > len(shown):
        parts.append(f"<p>And {len(behind) - len(shown)} more: /api/v1/resources?aspect=Ready&amp;standing=False</p>")
    return "".join(parts)


def _is_well(status: ResourceStatus) -> bool:
    ready = status.conditions.get(Aspect.READY)
    drifted = status.conditions.get(Aspect.DRIFTED)
    is_drifted = drifted is not None and drifted.standing is Standing.TRUE
    return ready is not None and ready.standing is Standing.TRUE and not is_drifted


def _vitals(now: Vitals) -> list[tuple[str, ...]]:
    said = views.vitals(now)
    halt = said.pop("halt")
    return [
        *((name, "" if value is None else str(value)) for name, value in said.items()),
        ("halt", "" if halt is None else f"{halt['author']}: {halt['reason']}"),
    ]


def _rows(status: ResourceStatus) -> list[tuple[str, ...]]:
    return [
        (
            str(status.key),
            f"{each.aspect.value}={each.standing.value} ({each.reason.value})",
            views.instant(each.since) or "",
            each.message,
        )
        for each in status.conditions.values()
    ]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = "".join(f"<th>{html.escape(each)}" for each in head)
    lines = ("<tr>" + "".join(f"<td>{html.escape(each)}" for each in row) for row in rows)
    return f"<table><tr>{cells}{''.join(lines)}</table>"
