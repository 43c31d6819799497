"""The file of samples and logs: SQLite, one thread, every table bounded by time and all of it by size."""

import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from reconciler.relay.flows import Side
from reconciler.relay.media import TrackHealth, TrackKind
from reconciler.relay.recording.events import Entry, EventCode, OpenSession
from reconciler.relay.recording.samples import MINUTE_S, Sample, SrtSample, fold

SCHEMA_VERSION: Final = 1
FINE_S: Final = 24 * 3600
"""How long samples of five seconds are kept."""
COARSE_S: Final = 7 * 24 * 3600
"""How long samples of a minute, and logs, are kept."""
MAX_BYTES: Final = 512 * 1024 * 1024
"""Of the file; the oldest rows go before it is reached."""
MAX_ENTRIES: Final = 100_000
"""Lines of a flow's log."""
_PAGE_BYTES: Final = 4096
_LAST_SECONDS_S: Final = 10
"""A minute is rolled up once nobody writes into it any more."""
_WAL_BYTES: Final = 8 * 1024 * 1024
_CACHE_KIB: Final = 512
"""Pages kept in memory. SQLite's own 2 MiB fill over a quarter of an hour, like a leak, and nobody is faster for it."""

_SAMPLES: Final = """
CREATE TABLE :table (
    flow_id TEXT NOT NULL,
    end_id TEXT NOT NULL,
    at_s INTEGER NOT NULL,
    session TEXT NOT NULL,
    pipeline INTEGER NOT NULL,
    seconds REAL NOT NULL,
    client_ip TEXT NOT NULL,
    bitrate_bps INTEGER NOT NULL,
    srt TEXT,
    tracks TEXT,
    PRIMARY KEY (flow_id, end_id, at_s, session, pipeline)
) STRICT, WITHOUT ROWID;
CREATE INDEX :table_by_time ON :table (at_s);
"""
_SCHEMA: Final = """
CREATE TABLE entries (
    number INTEGER PRIMARY KEY,
    flow_id TEXT NOT NULL,
    at_s REAL NOT NULL,
    side TEXT NOT NULL,
    end_id TEXT NOT NULL,
    end_name TEXT NOT NULL,
    protocol TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    remote_ip TEXT NOT NULL,
    remote_port TEXT NOT NULL,
    pipeline INTEGER NOT NULL,
    session TEXT NOT NULL
) STRICT;
CREATE INDEX entries_of_flow ON entries (flow_id, at_s);
CREATE INDEX entries_by_time ON entries (at_s);
CREATE TABLE rolled (until_s INTEGER NOT NULL) STRICT;
INSERT INTO rolled VALUES (0);
"""
_PUT_SAMPLE: Final = """
INSERT OR REPLACE INTO :table
    (flow_id, end_id, at_s, session, pipeline, seconds, client_ip, bitrate_bps, srt, tracks)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SAMPLES_OF_END: Final = """
SELECT flow_id, end_id, at_s, session, pipeline, seconds, client_ip, bitrate_bps, srt, tracks FROM :table
    WHERE flow_id = ? AND end_id = ? AND pipeline = ? AND at_s >= ? AND at_s < ?
"""
_SAMPLES_BETWEEN: Final = """
SELECT flow_id, end_id, at_s, session, pipeline, seconds, client_ip, bitrate_bps, srt, tracks FROM :table
    WHERE at_s >= ? AND at_s < ?
"""
_PUT_ENTRY: Final = """
INSERT INTO entries
    (flow_id, at_s, side, end_id, end_name, protocol, code, message, remote_ip, remote_port, pipeline, session)
    VALUES (:flow_id, :at_s, :side, :end_id, :end_name, :protocol, :code, :message, :remote_ip, :remote_port,
        :pipeline, :session)
"""
_COUNT_ENTRIES: Final = """
SELECT count(*) FROM entries
    WHERE flow_id = :flow_id AND at_s >= :start_s AND at_s < :end_s
        AND side IN (SELECT value FROM json_each(:sides)) AND pipeline IN (SELECT value FROM json_each(:pipelines))
"""
_ENTRIES: Final = """
SELECT flow_id, at_s, side, end_id, end_name, protocol, code, message, remote_ip, remote_port, pipeline, session
    FROM entries
    WHERE flow_id = :flow_id AND at_s >= :start_s AND at_s < :end_s
        AND side IN (SELECT value FROM json_each(:sides)) AND pipeline IN (SELECT value FROM json_each(:pipelines))
    ORDER BY at_s * :direction, number * :direction LIMIT :limit OFFSET :offset
"""
_HAS_OTHERS: Final = """
WITH RECURSIVE known(id) AS (
    SELECT min(flow_id) FROM :table
    UNION ALL SELECT (SELECT min(flow_id) FROM :table WHERE flow_id > id) FROM known WHERE id IS NOT NULL
)
SELECT count(*) FROM known WHERE id IS NOT NULL AND id NOT IN (SELECT value FROM json_each(?))
"""
"""One probe of the index a flow, not one a row."""
_REMOVE_OTHERS: Final = "DELETE FROM :table WHERE flow_id NOT IN (SELECT value FROM json_each(?))"
_ENTRY_FIELDS: Final = tuple(field.name for field in fields(Entry))


class UnknownFormError(Exception):
    """The file was written by another version of this program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleQuery:
    """Which samples are wanted: those of one end and pipeline, from `start_s` on and before `end_s`."""

    flow_id: str
    end_id: str
    pipeline: int
    period_s: int
    """5, or a multiple of 60."""
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryQuery:
    """Which lines of a flow's log are wanted."""

    flow_id: str
    sides: tuple[Side, ...]
    pipelines: tuple[int, ...]
    start_s: float
    end_s: float
    newest_first: bool = True
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """A page of a log, and how many lines there are in all."""

    entries: tuple[Entry, ...] = ()
    total: int = 0


class Store:
    """The file, opened; to be used by one thread."""

    def __init__(self, path: Path | None, *, max_bytes: int = MAX_BYTES) -> None:
        """Open the file (0600), or keep everything in memory where there is no path."""
        self._max_bytes = max_bytes
        if path is not None:
            # The file is there with its mode before SQLite sees it; -wal and -shm take their mode from it.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            path.chmod(0o600)
        self._database: Final = sqlite3.connect(path if path is not None else ":memory:", isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def add(self, samples: Iterable[Sample], entries: Iterable[Entry]) -> None:
        """Keep samples of five seconds and lines of the log; a sample of the same moment is taken in its place."""
        with self._transaction():
            self._database.executemany(_on("fine", _PUT_SAMPLE), map(_row, samples))
            self._database.executemany(_PUT_ENTRY, map(asdict, entries))

    def samples(self, query: SampleQuery) -> list[Sample]:
        """
        Return one sample a session and period, in the order of time.

        What is older than a day is there by the minute alone, whatever the period.
        """
        (rolled_s,) = self._database.execute("SELECT until_s FROM rolled").fetchone()
        if query.period_s < MINUTE_S:
            (oldest_s,) = self._database.execute("SELECT coalesce(min(at_s), ?) FROM fine", (rolled_s,)).fetchone()
            split_s = min(rolled_s, -(-oldest_s // MINUTE_S) * MINUTE_S)
        else:
            split_s = rolled_s
        start_s = query.start_s - query.start_s % query.period_s
        end = (query.flow_id, query.end_id, query.pipeline)
        coarse = self._database.execute(_on("coarse", _SAMPLES_OF_END), (*end, start_s, min(query.end_s, split_s)))
        found = fold(map(_sample, coarse), max(query.period_s, MINUTE_S))
        fine = self._database.execute(_on("fine", _SAMPLES_OF_END), (*end, max(start_s, split_s), query.end_s))
        # Folded together once more: a long period may begin among the coarse and end among the fine.
        return fold([*found, *map(_sample, fine)], query.period_s)

    def entries(self, query: EntryQuery) -> EntryPage:
        """Return a page of a flow's log."""
        wanted = {
            **asdict(query),
            "sides": json.dumps(query.sides),
            "pipelines": json.dumps(query.pipelines),
            "direction": -1 if query.newest_first else 1,
        }
        (total,) = self._database.execute(_COUNT_ENTRIES, wanted).fetchone()
        rows = self._database.execute(_ENTRIES, wanted)
        return EntryPage(entries=tuple(map(_entry, rows)), total=total)

    def open_sessions(self) -> dict[str, list[OpenSession]]:
        """Return the connections that began and are not known to have ended, by the id of their end."""
        rows = self._database.execute(
            "SELECT end_id, session, remote_ip, remote_port, pipeline, code, max(number) FROM entries "
            "WHERE session != '' GROUP BY end_id, session, pipeline"
        )
        found: dict[str, list[OpenSession]] = {}
        for end_id, session, ip, port, pipeline, code, _ in rows:
            if code == EventCode.CONNECTED:
                host = f"[{ip}]" if ":" in ip else ip
                peer = f"{host}:{port}" if port else host
                found.setdefault(end_id, []).append(OpenSession(session, peer, pipeline))
        return found

    def forget_all_but(self, flow_ids: Collection[str]) -> None:
        """Remove the rows of every flow but these."""
        kept = json.dumps(sorted(flow_ids))
        with self._transaction():
            for table in ("fine", "coarse", "entries"):
                (others,) = self._database.execute(_on(table, _HAS_OTHERS), (kept,)).fetchone()
                if others:
                    self._database.execute(_on(table, _REMOVE_OTHERS), (kept,))

    def tidy(self, now_s: float) -> None:
        """Roll samples up into minutes, and remove what is too old or too much."""
        with self._transaction():
            self._roll_up(int(now_s) - _LAST_SECONDS_S)
            self._database.execute("DELETE FROM fine WHERE at_s < ?", (now_s - FINE_S,))
            self._database.execute("DELETE FROM coarse WHERE at_s < ?", (now_s - COARSE_S,))
            self._database.execute("DELETE FROM entries WHERE at_s < ?", (now_s - COARSE_S,))
            self._cap_entries()
        self.make_room()

    def make_room(self) -> None:
        """Remove the oldest samples, then the oldest lines, until a tenth of the file's size is free again."""
        for table in ("fine", "coarse", "entries"):
            while self._used_bytes() > 0.9 * self._max_bytes and self._drop_oldest(table):
                continue

    def _roll_up(self, now_s: int) -> None:
        until_s = now_s - now_s % MINUTE_S
        (rolled_s,) = self._database.execute("SELECT until_s FROM rolled").fetchone()
        if rolled_s >= until_s:
            return
        rows = self._database.execute(_on("fine", _SAMPLES_BETWEEN), (rolled_s, until_s))
        self._database.executemany(_on("coarse", _PUT_SAMPLE), map(_row, fold(map(_sample, rows), MINUTE_S)))
        self._database.execute("UPDATE rolled SET until_s = ?", (until_s,))

    def _cap_entries(self) -> None:
        crowded = self._database.execute(
            "SELECT flow_id, count(*) FROM entries GROUP BY flow_id HAVING count(*) > ?", (MAX_ENTRIES,)
        ).fetchall()
        for flow_id, count in crowded:
            self._database.execute(
                "DELETE FROM entries WHERE number IN "
                "(SELECT number FROM entries WHERE flow_id = ? ORDER BY at_s, number LIMIT ?)",
                (flow_id, count - MAX_ENTRIES),
            )

    def _drop_oldest(self, table: str) -> bool:
        """Remove the oldest tenth of the time that a table spans; return whether there was anything."""
        span = self._database.execute(_on(table, "SELECT min(at_s), max(at_s) FROM :table"))
        oldest_s, newest_s = span.fetchone()
        if oldest_s is None:
            return False
        until_s = oldest_s + max(1.0, (newest_s - oldest_s) / 10)
        with self._transaction():
            self._database.execute(_on(table, "DELETE FROM :table WHERE at_s <= ?"), (until_s,))
        return True

    def _used_bytes(self) -> int:
        (pages,) = self._database.execute("PRAGMA page_count").fetchone()
        (free,) = self._database.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * _PAGE_BYTES

    def _prepare(self) -> None:
        self._database.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        self._database.execute("PRAGMA journal_mode = WAL")
        # A power cut may cost the last seconds of history, never the file; an fsync a second would cost more.
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute(f"PRAGMA max_page_count = {self._max_bytes // _PAGE_BYTES}")
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            schema = _on("fine", _SAMPLES) + _on("coarse", _SAMPLES) + _SCHEMA
            self._database.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            raise UnknownFormError(f"it has form {version}, and this program reads form {SCHEMA_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            # SQLite itself rolls back where the disk is full.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise


def _on(table: str, statement: str) -> str:
    """Return a statement on one of the tables; their names are ours, and a parameter cannot be one."""
    return statement.replace(":table", table)


def _row(sample: Sample) -> tuple[Any, ...]:
    return (
        sample.flow_id,
        sample.end_id,
        sample.at_s,
        sample.session,
        sample.pipeline,
        sample.seconds,
        sample.client_ip,
        sample.bitrate_bps,
        _text(asdict(sample.srt)) if sample.srt is not None else None,
        _text([asdict(track) for track in sample.tracks]) if sample.tracks else None,
    )


def _text(values: Any) -> str:
    return json.dumps(values, separators=(",", ":"))


def _sample(row: tuple[Any, ...]) -> Sample:
    flow_id, end_id, at_s, session, pipeline, seconds, client_ip, bitrate_bps, srt, tracks = row
    return Sample(
        flow_id=flow_id,
        end_id=end_id,
        at_s=at_s,
        session=session,
        pipeline=pipeline,
        seconds=seconds,
        client_ip=client_ip,
        bitrate_bps=bitrate_bps,
        srt=SrtSample(**json.loads(srt)) if srt is not None else None,
        tracks=tuple(map(_track, json.loads(tracks))) if tracks is not None else (),
    )


def _track(values: Mapping[str, Any]) -> TrackHealth:
    return TrackHealth(**{**values, "kind": TrackKind(values["kind"])})


def _entry(row: tuple[Any, ...]) -> Entry:
    values = dict(zip(_ENTRY_FIELDS, row, strict=True))
    return Entry(**{**values, "side": Side(values["side"]), "code": EventCode(values["code"])})
