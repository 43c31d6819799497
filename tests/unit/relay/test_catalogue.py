"""What survives a restart, and how it lies on the disk."""

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.domain.errors import EnvironmentFailedError
from reconciler.relay.catalogue import FILE_NAME, Catalogue, CatalogueFailedError
from reconciler.relay.flows import End, Flow, FlowState, Side
from tests.unit.relay.calling import Api, make_plane, output, srt_output

pytestmark = pytest.mark.anyio

CAMERA = End(
    id="1" * 28, side=Side.INPUT, asked={"InputName": "camera", "Protocol": "RTMP", "Note": "ü"}, stream_key="canary"
)
TOWER = End(id="2" * 28, side=Side.OUTPUT, asked={"OutputName": "tower", "Protocol": "SRT"}, port=20_001)
MAST = End(id="3" * 28, side=Side.OUTPUT, asked={"OutputName": "mast", "Protocol": "SRT"}, port=20_002)
NEWS = Flow(
    id="0" * 28,
    region="ap-singapore",
    name="news",
    max_bandwidth_bps=10_000_000,
    host="127.0.0.1",
    rtmp_port=20_000,
    inputs=(CAMERA,),
    outputs=(TOWER, MAST),
)


def modes_in(directory: Path) -> dict[str, int]:
    """Return the permissions of every file."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


async def reopened(directory: Path, *steps: Flow) -> tuple[Flow, ...]:
    """Return what is read back after each step was saved, by a catalogue of its own."""
    for step in steps:
        catalogue = await Catalogue.open(directory)
        await catalogue.save(step)
        await catalogue.close()
    catalogue = await Catalogue.open(directory)
    flows = catalogue.flows()
    await catalogue.close()
    return flows


async def test_a_saved_flow_is_read_back_whole(tmp_path: Path) -> None:
    """Everything of a flow and its ends comes back, in order."""
    assert await reopened(tmp_path, NEWS) == (NEWS,)


async def test_later_states_replace_earlier_ones(tmp_path: Path) -> None:
    """An end that was edited, added or removed, a rename and a start are what is read back."""
    taller = replace(MAST, asked={**MAST.asked, "Description": "taller"})
    later = replace(NEWS.without_output(TOWER.id), name="nightly", state=FlowState.RUNNING).with_end(taller)

    assert await reopened(tmp_path, NEWS, later) == (later,)


async def test_a_removed_flow_is_gone_with_its_ends(tmp_path: Path) -> None:
    """No row of it is left."""
    catalogue = await Catalogue.open(tmp_path)
    await catalogue.save(NEWS)

    await catalogue.remove(NEWS.id)
    await catalogue.close()

    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        rows = database.execute("SELECT id FROM flows UNION ALL SELECT id FROM ends").fetchall()
    database.close()
    assert rows == []


async def test_what_is_returned_is_what_is_kept_now(tmp_path: Path) -> None:
    """After every change, of one region and of all."""
    catalogue = await Catalogue.open(tmp_path)
    far = replace(NEWS, id="9" * 28, region="ap-tokyo", inputs=(), outputs=())
    later = replace(NEWS, name="nightly")
    seen = []

    def look() -> None:
        seen.append((catalogue.flows(), catalogue.flows(NEWS.region), catalogue.flows(far.region)))

    for flow in (NEWS, far, later):
        await catalogue.save(flow)
        look()
    await catalogue.move("127.0.0.2")
    look()
    await catalogue.remove(NEWS.id)
    look()

    moved, far_moved = replace(later, host="127.0.0.2"), replace(far, host="127.0.0.2")
    assert seen == [
        ((NEWS,), (NEWS,), ()),
        ((NEWS, far), (NEWS,), (far,)),
        ((later, far), (later,), (far,)),
        ((moved, far_moved), (moved,), (far_moved,)),
        ((far_moved,), (), (far_moved,)),
    ]
    await catalogue.close()


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds passphrases and keys, and so do the files that SQLite puts beside it."""
    catalogue = await Catalogue.open(tmp_path)
    await catalogue.save(NEWS)

    modes = modes_in(tmp_path)
    await catalogue.close()

    assert len(modes) == 3
    assert set(modes.values()) == {0o600}


def test_an_end_is_shown_without_its_secrets() -> None:
    """A passphrase or key never gets into a trace."""
    assert "canary" not in repr(NEWS)


async def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path) -> None:
    """The message names the file and what to do; the file is left as it is."""
    path = tmp_path / FILE_NAME
    path.write_bytes(b"something else entirely, long enough to be no database" * 10)

    with pytest.raises(EnvironmentFailedError, match=FILE_NAME):
        await Catalogue.open(tmp_path)

    assert path.read_bytes().startswith(b"something else")


async def test_a_catalogue_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    """What it means cannot be known."""
    await reopened(tmp_path, NEWS)
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(EnvironmentFailedError, match="form 99"):
        await Catalogue.open(tmp_path)


async def test_a_catalogue_that_cannot_be_read_as_flows_is_refused(tmp_path: Path) -> None:
    """A row that makes no sense stops the start, rather than a flow being lost in silence."""
    await reopened(tmp_path, NEWS)
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("UPDATE flows SET state = 'BROKEN'")
    database.close()

    with pytest.raises(EnvironmentFailedError, match="BROKEN"):
        await Catalogue.open(tmp_path)


async def test_a_change_that_the_disk_refuses_has_not_happened(tmp_path: Path) -> None:
    """Memory says what the disk says; the API answers InternalError, and the port is free again."""
    api = Api(await make_plane(tmp_path, ports=range(29_980, 29_982)))
    flow = await api.create_flow()
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON ends BEGIN SELECT RAISE(ABORT, 'full'); END")
    database.close()

    refused = await api.code("CreateStreamLinkOutputInfo", {"FlowId": flow["FlowId"], "Output": srt_output()})
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("DROP TRIGGER full")
    database.close()

    assert refused == "InternalError"
    assert await api.describe(flow) == flow
    assert (await api.add(flow, srt_output()))["OutputName"] == "tower"
    await api.close()
    await api.plane.catalogue.close()


async def test_a_write_that_fails_is_told_apart(tmp_path: Path) -> None:
    """The catalogue's own error, and not SQLite's, reaches its callers."""
    catalogue = await Catalogue.open(tmp_path)
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("DROP TABLE ends")
    database.close()

    with pytest.raises(CatalogueFailedError):
        await catalogue.save(NEWS)

    assert catalogue.flow(NEWS.id) is None
    await catalogue.close()


async def test_addresses_and_keys_survive_a_restart(tmp_path: Path) -> None:
    """The flow is described the same after, and new ends get addresses that nobody has."""
    rtmp = {"InputGroup": [{"InputName": "camera", "Protocol": "RTMP"}], "OutputGroup": [output("pull", "RTMP_PULL")]}
    first = Api(await make_plane(tmp_path))
    flows = [await first.create_flow(OutputGroup=[srt_output()]), await first.create_flow(FlowName="rtmp", **rtmp)]
    await first.close()
    await first.plane.catalogue.close()

    second = Api(await make_plane(tmp_path))
    described = [await second.describe(flow) for flow in flows]
    added = await second.add(flows[0], srt_output("second"))
    await second.close()
    await second.plane.catalogue.close()

    assert described == flows
    given = [
        flows[0]["InputGroup"][0]["InputAddressList"],
        flows[0]["OutputGroup"][0]["SRTSettings"]["SourceAddresses"],
    ]
    assert added["SRTSettings"]["SourceAddresses"] not in given
