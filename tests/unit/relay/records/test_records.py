"""What is recorded survives a restart, stays within its bounds, and no trouble of the disk reaches anybody."""

import sqlite3
from pathlib import Path
from typing import Final

import pytest
from structlog.testing import capture_logs

from reconciler.relay.flows import Side
from reconciler.relay.recording.events import Entry, EventCode
from reconciler.relay.recording.records import FILE_NAME, Records
from reconciler.relay.recording.samples import Sample
from reconciler.relay.recording.store import COARSE_S, FINE_S, EntryQuery, SampleQuery

pytestmark = pytest.mark.anyio

NOW_S: Final = 1_700_000_040
"""A whole minute."""


def sample(at_s: int, bitrate_bps: int = 1000, *, flow: str = "f") -> Sample:
    """Return what the one session of an end carried."""
    return Sample(flow_id=flow, end_id="e", session="s", at_s=at_s, seconds=5.0, bitrate_bps=bitrate_bps)


def entry(at_s: float, message: str = "connected", *, flow: str = "f", code: EventCode = EventCode.CONNECTED) -> Entry:
    """Return a line of the log."""
    return Entry(
        flow_id=flow,
        at_s=at_s,
        side=Side.OUTPUT,
        end_id="e",
        end_name="out",
        protocol="SRT",
        code=code,
        message=message,
        remote_ip="192.0.2.7",
        remote_port="5000",
        session="s",
    )


def samples(period_s: int = 5, *, start_s: float = 0.0, flow: str = "f") -> SampleQuery:
    """Return what asks for all samples of a flow's end."""
    return SampleQuery(flow_id=flow, end_id="e", pipeline=0, period_s=period_s, start_s=start_s, end_s=NOW_S + 9000)


def lines(flow: str = "f", *, newest_first: bool = True, limit: int = 100, offset: int = 0) -> EntryQuery:
    """Return what asks for the log of a flow."""
    return EntryQuery(
        flow_id=flow,
        sides=(Side.OUTPUT,),
        pipelines=(0,),
        start_s=0,
        end_s=NOW_S + 9000,
        newest_first=newest_first,
        limit=limit,
        offset=offset,
    )


async def test_everything_survives_a_restart(tmp_path: Path) -> None:
    """Samples, lines and open connections are there again, in a file that is its owner's alone."""
    before = Records(tmp_path / FILE_NAME)
    await before.add([sample(NOW_S)], [entry(NOW_S)])
    await before.close()

    after = Records(tmp_path / FILE_NAME)
    found = await after.samples(samples())
    page = await after.entries(lines())
    open_sessions = await after.open_sessions()
    await after.close()

    assert (found, page.entries, page.total) == ([sample(NOW_S)], (entry(NOW_S),), 1)
    assert [(session.id, session.peer) for session in open_sessions["e"]] == [("s", "192.0.2.7:5000")]
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


async def test_a_connection_that_ended_is_not_open() -> None:
    """The last line of a session says whether it is there."""
    records = Records()

    await records.add([], [entry(NOW_S), entry(NOW_S + 1, "gone", code=EventCode.DISCONNECTED)])
    open_sessions = await records.open_sessions()
    await records.close()

    assert open_sessions == {}


async def test_minutes_are_averages_and_outlive_the_fine_samples() -> None:
    """After a day the five seconds are gone and the minutes are there; after a week these are gone, too."""
    records = Records()
    await records.add([sample(NOW_S + 5 * number, 1000 * (1 + number % 2)) for number in range(12)], [entry(NOW_S)])

    await records.tidy(NOW_S + 90)
    fine = await records.samples(samples())
    await records.tidy(NOW_S + FINE_S + 90)
    coarse = await records.samples(samples())
    long = await records.samples(samples(900))
    kept = await records.entries(lines())
    await records.tidy(NOW_S + COARSE_S + 90)
    gone = await records.samples(samples(60)), (await records.entries(lines())).total
    await records.close()

    assert [each.bitrate_bps for each in fine] == [1000, 2000] * 6
    assert [(each.at_s, each.bitrate_bps, each.seconds) for each in coarse] == [(NOW_S, 1500, 60.0)]
    assert [(each.at_s, each.bitrate_bps) for each in long] == [(NOW_S - NOW_S % 900, 1500)]
    assert kept.total == 1
    assert gone == ([], 0)


async def test_a_log_is_read_in_pages_both_ways() -> None:
    """The newest come first unless the oldest are asked for, and the total counts all of them."""
    records = Records()
    await records.add([], [entry(NOW_S + number, str(number)) for number in range(5)])

    down = await records.entries(lines(limit=2))
    up = await records.entries(lines(newest_first=False, limit=2, offset=2))
    await records.close()

    assert ([line.message for line in down.entries], down.total) == (["4", "3"], 5)
    assert [line.message for line in up.entries] == ["2", "3"]


async def test_a_deleted_flow_leaves_nothing() -> None:
    """Its rows go, and those of the others stay."""
    records = Records()
    await records.add([sample(NOW_S), sample(NOW_S, flow="g")], [entry(NOW_S), entry(NOW_S, flow="g")])

    await records.forget_all_but({"g"})
    left = [len(await records.samples(samples(flow=flow))) for flow in "fg"]
    logged = [(await records.entries(lines(flow))).total for flow in "fg"]
    await records.close()

    assert (left, logged) == ([0, 1], [0, 1])


async def test_a_broken_file_is_moved_aside(tmp_path: Path) -> None:
    """Garbage in its place is told once, kept for whoever wants to look, and recording goes on."""
    path = tmp_path / FILE_NAME
    path.write_bytes(b"garbage" * 4096)
    records = Records(path)

    with capture_logs() as told:
        await records.add([], [entry(NOW_S)])
        await records.add([], [entry(NOW_S + 1)])
        page = await records.entries(lines())
    await records.close()

    assert page.total == 2
    assert [event["event"] for event in told] == ["relay.records_failed"]
    assert (tmp_path / f"{FILE_NAME}.broken").read_bytes().startswith(b"garbage")


async def test_a_file_that_cannot_be_opened_is_told_once_and_recovers(tmp_path: Path) -> None:
    """Meanwhile nothing fails and nothing is lost; the second line says that it is over."""
    path = tmp_path / FILE_NAME
    path.mkdir()
    records = Records(path)

    with capture_logs() as told:
        for number in range(3):
            await records.add([sample(NOW_S + 5 * number)], [entry(NOW_S + number)])
        meanwhile = await records.samples(samples())
        path.rmdir()
        await records.add([sample(NOW_S + 15)], [])
        after = await records.samples(samples())
    await records.close()

    assert (meanwhile, len(after)) == ([], 4)
    assert [event["event"] for event in told] == ["relay.records_failed", "relay.records_recovered"]


async def test_the_file_never_grows_beyond_its_size(tmp_path: Path) -> None:
    """The oldest rows make room for the newest, and what is written last is there."""
    path, size = tmp_path / FILE_NAME, 400_000
    records = Records(path, max_bytes=size)

    for number in range(40):
        await records.add([], [entry(NOW_S + number + part / 1000, "x" * 100) for part in range(100)])
    newest = (await records.entries(lines(limit=1))).entries[0]
    await records.close()
    with sqlite3.connect(path) as database:
        count = database.execute("SELECT count(*) FROM entries").fetchone()[0]
    database.close()

    assert path.stat().st_size <= size
    assert 0 < count < 4000
    assert newest.at_s == NOW_S + 39 + 0.099
