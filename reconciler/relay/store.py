"""The catalogue's file: SQLite, one writer, every change committed with an fsync."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from reconciler.relay.flows import End, Flow, FlowState, Side

SCHEMA_VERSION: Final = 1

_SCHEMA: Final = """
CREATE TABLE flows (
    id TEXT PRIMARY KEY,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    max_bandwidth_bps INTEGER NOT NULL,
    host TEXT NOT NULL,
    rtmp_port INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE ends (
    id TEXT PRIMARY KEY,
    flow_id TEXT NOT NULL REFERENCES flows (id) ON DELETE CASCADE,
    side TEXT NOT NULL,
    port INTEGER,
    stream_key TEXT,
    asked TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ends_of_flow ON ends (flow_id);
"""


class UnknownFormError(Exception):
    """The file was written by a newer program."""


class Store:
    """The file, opened; to be used by one thread."""

    def __init__(self, path: Path) -> None:
        # The file is there with its mode before SQLite sees it, and the -wal and -shm files take their mode from it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
        self._database: Final = sqlite3.connect(path, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def flows(self) -> dict[str, Flow]:
        """Return every flow by id, in the order of creation."""
        inputs: dict[str, list[End]] = {}
        outputs: dict[str, list[End]] = {}
        rows = self._database.execute("SELECT id, flow_id, side, port, stream_key, asked FROM ends ORDER BY id")
        for end_id, flow_id, side, port, stream_key, asked in rows:
            end = End(id=end_id, side=Side(side), asked=json.loads(asked), port=port, stream_key=stream_key)
            (inputs if end.side is Side.INPUT else outputs).setdefault(flow_id, []).append(end)
        return {
            flow_id: Flow(
                id=flow_id,
                region=region,
                name=name,
                state=FlowState(state),
                max_bandwidth_bps=max_bandwidth_bps,
                host=host,
                rtmp_port=rtmp_port,
                inputs=tuple(inputs.get(flow_id, ())),
                outputs=tuple(outputs.get(flow_id, ())),
            )
            for flow_id, region, name, state, max_bandwidth_bps, host, rtmp_port in self._database.execute(
                "SELECT id, region, name, state, max_bandwidth_bps, host, rtmp_port FROM flows ORDER BY id"
            )
        }

    def write(self, before: Flow | None, after: Flow) -> None:
        """Turn the flow on the disk from `before` into `after`; only ends that differ are written."""
        old = {end.id: end for end in before.ends} if before is not None else {}
        new = {end.id: end for end in after.ends}
        changed = [_row(after.id, end) for end in new.values() if old.get(end.id) != end]
        with self._transaction():
            self._database.execute(
                "INSERT INTO flows VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                "name = excluded.name, state = excluded.state, rtmp_port = excluded.rtmp_port",
                (after.id, after.region, after.name, after.state, after.max_bandwidth_bps, after.host, after.rtmp_port),
            )
            self._database.executemany("DELETE FROM ends WHERE id = ?", [(gone,) for gone in old.keys() - new.keys()])
            self._database.executemany("INSERT OR REPLACE INTO ends VALUES (?, ?, ?, ?, ?, ?)", changed)

    def move(self, host: str) -> None:
        """Give every flow another host."""
        with self._transaction():
            self._database.execute("UPDATE flows SET host = ?", (host,))

    def delete(self, flow_id: str) -> None:
        """Remove a flow and its ends."""
        with self._transaction():
            self._database.execute("DELETE FROM flows WHERE id = ?", (flow_id,))

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("PRAGMA foreign_keys = ON")
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            raise UnknownFormError(f"it has form {version}, and this program reads form {SCHEMA_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def _row(flow_id: str, end: End) -> tuple[str, str, str, int | None, str | None, str]:
    asked = json.dumps(end.asked, ensure_ascii=False, separators=(",", ":"))
    return (end.id, flow_id, end.side, end.port, end.stream_key, asked)
