"""What happened to an input or output, found by comparing two looks at its health; repeats are counted, not listed."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from reconciler.relay.flows import End, Flow, Side
from reconciler.relay.media import EndHealth, EndId, SessionHealth
from reconciler.relay.modes import is_called
from reconciler.relay.recording.samples import peer_parts, sessions_of

REPEAT_S: Final = 60.0
"""Equal events are counted together for so many seconds."""
LISTED: Final = 5
"""Of equal events within that time, so many have a line of their own; the others are only counted."""
_PEER: Final = re.compile(r"(?<![\w.:])(\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?)(?![\w.])")
_NO_REASON: Final = "the connection ended"
_STOPPED: Final = "the flow was stopped"
_GONE: Final = "its engine ended"


class EventCode(StrEnum):
    """What happened, for machines."""

    CONNECTED = "Connected"
    DISCONNECTED = "Disconnected"
    REFUSED = "Refused"
    """Somebody who called us was not let in."""
    FAILED = "ConnectFailed"
    """We could not connect, or could not keep on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a flow's log."""

    flow_id: str
    at_s: float
    side: Side
    end_id: str
    end_name: str
    protocol: str
    """In the API's words."""
    code: EventCode
    message: str
    """In words, without secrets."""
    remote_ip: str = ""
    remote_port: str = ""
    pipeline: int = 0
    session: str = ""
    """Whose connection began or ended; empty for what is no connection."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A connection that was begun and is not known to have ended."""

    id: str
    peer: str
    pipeline: int


@dataclass(slots=True)
class _EndMemory:
    sessions: dict[tuple[str, int], OpenSession] = field(default_factory=dict)
    last_error: str = ""


@dataclass(slots=True)
class _Told:
    entry: Entry
    """The first of them."""
    listed: int = 1
    more: int = 0
    """Those that were only counted."""


class Watcher:
    """Finds the events of all flows."""

    def __init__(self, open_sessions: Mapping[str, Iterable[OpenSession]] | None = None) -> None:
        """Begin with the sessions that were open when somebody last looked, by the id of their end."""
        self._ends: dict[str, _EndMemory] = {}
        """Of ends that have something to be remembered: of most, in a large account, there is nothing."""
        self._told: dict[tuple[str, str, str, str, int], _Told] = {}
        for end_id, sessions in (open_sessions or {}).items():
            known = {(session.id, session.pipeline): session for session in sessions}
            self._ends[end_id] = _EndMemory(sessions=known)

    def look(self, flow: Flow, health: Mapping[EndId, EndHealth] | None, now_s: float) -> list[Entry]:
        """Return what happened to a flow since the last look; None for a flow that does not run."""
        found: list[Entry] = []
        for end in flow.ends:
            memory = self._ends.get(end.id)
            if health is None and memory is None:
                continue
            memory = memory or _EndMemory()
            known = health.get(EndId(end.id)) if health is not None else None
            line = _Line(flow, end, now_s)
            found += _ended(line, memory, known, is_stopped=health is None)
            found += _begun(line, memory, known)
            found += _trouble(line, memory, known)
            self._remember(end, known)
        return self._without_repeats(found)

    def forget_all_but(self, end_ids: Iterable[str]) -> None:
        """Forget the ends that are gone."""
        kept = frozenset(end_ids)
        self._ends = {end_id: memory for end_id, memory in self._ends.items() if end_id in kept}
        self._told = {key: told for key, told in self._told.items() if key[0] in kept}

    def overdue(self, now_s: float) -> list[Entry]:
        """Return a line for each event whose repeats were only counted, once the time of counting is over."""
        due = [key for key, told in self._told.items() if not 0 <= now_s - told.entry.at_s < REPEAT_S]
        lines = []
        for key in due:
            told = self._told.pop(key)
            if told.more:
                again = f"{told.entry.message} ({told.more} more within {REPEAT_S:.0f} s)"
                lines.append(replace(told.entry, at_s=now_s, message=again, session=""))
        return lines

    def _remember(self, end: End, known: EndHealth | None) -> None:
        sessions = {(session.id, session.pipeline): _open(session) for session in _sessions(end, known)}
        last_error = known.last_error if known is not None else ""
        if sessions or last_error:
            self._ends[end.id] = _EndMemory(sessions=sessions, last_error=last_error)
        else:
            self._ends.pop(end.id, None)

    def _without_repeats(self, found: list[Entry]) -> list[Entry]:
        fresh = []
        for entry in found:
            # Not by the port: a peer that calls again and again has another one each time.
            key = (entry.end_id, entry.code, entry.message, entry.remote_ip, entry.pipeline)
            told = self._told.get(key)
            if told is None:
                self._told[key] = _Told(entry)
                fresh.append(entry)
            elif told.listed < LISTED:
                told.listed += 1
                fresh.append(entry)
            else:
                told.more += 1
        return fresh


@dataclass(frozen=True, slots=True)
class _Line:
    """Where and when an event happened."""

    flow: Flow
    end: End
    now_s: float

    def entry(self, code: EventCode, message: str, peer: str, of: OpenSession | None = None) -> Entry:
        ip, port = peer_parts(peer)
        return Entry(
            flow_id=self.flow.id,
            at_s=self.now_s,
            side=self.end.side,
            end_id=self.end.id,
            end_name=self.end.name,
            protocol=self.end.protocol,
            code=code,
            message=message,
            remote_ip=ip,
            remote_port=port,
            pipeline=of.pipeline if of is not None else 0,
            session=of.id if of is not None else "",
        )


def _ended(line: _Line, memory: _EndMemory, known: EndHealth | None, *, is_stopped: bool) -> list[Entry]:
    now = {(session.id, session.pipeline) for session in _sessions(line.end, known)}
    gone = [session for key, session in memory.sessions.items() if key not in now]
    fresh_error = known.last_error if known is not None and known.last_error != memory.last_error else ""
    reason = _STOPPED if is_stopped else fresh_error or (_NO_REASON if known is not None else _GONE)
    return [line.entry(EventCode.DISCONNECTED, reason, session.peer, session) for session in gone]


def _begun(line: _Line, memory: _EndMemory, known: EndHealth | None) -> list[Entry]:
    begun = [
        session
        for session in _sessions(line.end, known)
        if (session.id, session.pipeline) not in memory.sessions
    ]  # fmt: skip
    return [line.entry(EventCode.CONNECTED, "connected", session.peer, _open(session)) for session in begun]


def _trouble(line: _Line, memory: _EndMemory, known: EndHealth | None) -> list[Entry]:
    """Return that an error is another one than before; one that came with a connection's end is told there."""
    error = known.last_error if known is not None else ""
    now = {(session.id, session.pipeline) for session in _sessions(line.end, known)}
    if not error or error == memory.last_error or memory.sessions.keys() - now:
        return []
    if not is_called(line.end):
        return [line.entry(EventCode.FAILED, error, "")]
    caller = _PEER.search(error)
    return [line.entry(EventCode.REFUSED, error, caller[0] if caller else "")]


def _sessions(end: End, known: EndHealth | None) -> tuple[SessionHealth, ...]:
    return sessions_of(EndId(end.id), known) if known is not None else ()


def _open(session: SessionHealth) -> OpenSession:
    return OpenSession(session.id, session.peer, session.pipeline)
