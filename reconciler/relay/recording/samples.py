"""Samples: what one session carried within a few seconds, from the engines' counters, and folded into longer ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Final

from reconciler.relay.media import EndHealth, EndId, EndState, SessionHealth, SrtFigures, TrackHealth, TrackKind

SAMPLE_S: Final = 5
"""Seconds between two samples of a session; the shortest period of the API."""
MINUTE_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtSample:
    """What libsrt counted of one connection within a sample: differences, but for the round trip."""

    rtt_ms: float = 0.0
    packets_sent: int = 0
    packets_received: int = 0
    send_lost: int = 0
    send_retransmitted: int = 0
    send_dropped: int = 0
    receive_lost: int = 0
    receive_retransmitted: int = 0
    receive_dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one session of an end carried from `at_s` on."""

    flow_id: str
    end_id: str
    session: str
    pipeline: int = 0
    at_s: int
    """Seconds of the Unix epoch; a multiple of the period that it stands for."""
    seconds: float
    """How much of the period was seen: the weight of the averages when samples are folded."""
    client_ip: str = ""
    bitrate_bps: int = 0
    srt: SrtSample | None = None
    tracks: tuple[TrackHealth, ...] = ()


_COUNTERS: Final = tuple(field.name for field in fields(SrtSample) if field.name != "rtt_ms")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A session as it was at the sample before."""

    at_s: float
    bytes: int
    srt: SrtFigures | None


@dataclass(frozen=True, slots=True)
class _Now:
    """Where a sample belongs, and when it is taken."""

    flow_id: str
    end_id: EndId
    at_s: float


class Sampler:
    """Turns counters that run from a connection's beginning into samples; remembers the counters of the last look."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[tuple[EndId, str, int], _Seen]] = {}
        """By the flow, for flows are many and each comes by itself."""

    def take(self, flow_id: str, health: Mapping[EndId, EndHealth], now_s: float) -> list[Sample]:
        """Return a sample of every session of a flow; ends without a connection have none."""
        taken = []
        before, seen = self._seen.get(flow_id, {}), {}
        for end_id, end in health.items():
            for session in sessions_of(end_id, end):
                key = (end_id, session.id, session.pipeline)
                seen[key] = _Seen(now_s, session.bytes, session.srt)
                taken.append(_sample(_Now(flow_id, end_id, now_s), session, before.get(key), end.tracks))
        self._seen[flow_id] = seen
        return taken

    def forget(self, flow_id: str) -> None:
        """Forget the counters of a flow that is not carried."""
        self._seen.pop(flow_id, None)


def sessions_of(end_id: EndId, end: EndHealth) -> tuple[SessionHealth, ...]:
    """Return the sessions of an end; an engine that does not tell them apart has one, which bears the end's id."""
    if end.sessions or end.state is not EndState.CONNECTED:
        return end.sessions
    return (SessionHealth(id=str(end_id), peer=end.peer, connected_ms=end.connected_ms, bitrate_bps=end.bitrate_bps),)


def fold(samples: Iterable[Sample], period_s: int) -> list[Sample]:
    """
    Return one sample for each session and period, in the order of time.

    Rates are averages over the seconds that were seen, counters are sums.
    """

    def slot(sample: Sample) -> tuple[int, str, str, str, int]:
        start_s = sample.at_s - sample.at_s % period_s
        return (start_s, sample.flow_id, sample.end_id, sample.session, sample.pipeline)

    return [
        _folded(key[0], list(members))
        for key, members in groupby(sorted(samples, key=lambda sample: (slot(sample), sample.at_s)), key=slot)
    ]


def peer_parts(peer: str) -> tuple[str, str]:
    """Return the address and the port of a peer, "" where one is not known."""
    if peer.startswith("["):
        host, _, port = peer[1:].partition("]")
        return host, port.removeprefix(":")
    # An IPv6 address without a port has colons of its own.
    host, colon, port = peer.rpartition(":")
    return (host, port) if colon and ":" not in host else (peer, "")


def _sample(now: _Now, session: SessionHealth, before: _Seen | None, tracks: tuple[TrackHealth, ...]) -> Sample:
    elapsed_s = now.at_s - before.at_s if before is not None else 0.0
    grown = session.bytes - before.bytes if before is not None else 0
    # A clock that was set back, an engine that counts no bytes and a connection's first seconds have the rate alone.
    counted = elapsed_s > 0 and session.bytes > 0 and grown >= 0
    return Sample(
        flow_id=now.flow_id,
        end_id=now.end_id,
        session=session.id,
        pipeline=session.pipeline,
        at_s=int(now.at_s) - int(now.at_s) % SAMPLE_S,
        seconds=elapsed_s if elapsed_s > 0 else min(SAMPLE_S, max(0.001, session.connected_ms / 1000)),
        client_ip=peer_parts(session.peer)[0],
        bitrate_bps=round(grown * 8 / elapsed_s) if counted else session.bitrate_bps,
        srt=_srt(session.srt, before.srt if before is not None else None),
        tracks=tracks,
    )


def _srt(figures: SrtFigures | None, before: SrtFigures | None) -> SrtSample | None:
    """Return what was counted since the sample before; all of it for a connection that began since."""
    if figures is None:
        return None
    counted = {
        name: max(0, getattr(figures, name) - (getattr(before, name) if before is not None else 0))
        for name in _COUNTERS
    }
    return SrtSample(rtt_ms=figures.rtt_ms, **counted)


def _folded(at_s: int, members: list[Sample]) -> Sample:
    seconds = sum(sample.seconds for sample in members)
    last = members[-1]
    return Sample(
        flow_id=last.flow_id,
        end_id=last.end_id,
        session=last.session,
        pipeline=last.pipeline,
        at_s=at_s,
        seconds=seconds,
        client_ip=last.client_ip,
        bitrate_bps=round(sum(sample.bitrate_bps * sample.seconds for sample in members) / seconds),
        srt=_folded_srt(members),
        tracks=_folded_tracks(members),
    )


def _folded_srt(members: list[Sample]) -> SrtSample | None:
    known = [(sample.srt, sample.seconds) for sample in members if sample.srt is not None]
    if not known:
        return None
    rtt_ms = sum(srt.rtt_ms * seconds for srt, seconds in known) / sum(seconds for _, seconds in known)
    return SrtSample(rtt_ms=rtt_ms, **{name: sum(getattr(srt, name) for srt, _ in known) for name in _COUNTERS})


def _folded_tracks(members: list[Sample]) -> tuple[TrackHealth, ...]:
    slots: dict[tuple[TrackKind, int | None, int], list[tuple[TrackHealth, float]]] = {}
    for sample in members:
        seen: dict[tuple[TrackKind, int | None], int] = {}
        for track in sample.tracks:
            # Streams without a pid are told apart by their order alone.
            number = seen[track.kind, track.pid] = seen.get((track.kind, track.pid), 0) + 1
            slots.setdefault((track.kind, track.pid, number), []).append((track, sample.seconds))
    return tuple(_folded_track(known) for known in slots.values())


def _folded_track(known: list[tuple[TrackHealth, float]]) -> TrackHealth:
    seconds = sum(weight for _, weight in known)
    return TrackHealth(
        kind=known[0][0].kind,
        pid=known[0][0].pid,
        bitrate_bps=round(sum(track.bitrate_bps * weight for track, weight in known) / seconds),
        fps=sum(track.fps * weight for track, weight in known) / seconds,
    )
