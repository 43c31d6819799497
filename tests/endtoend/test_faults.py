"""The reconciler and a service on a bad day: nothing is made twice, nothing is lost, and what could not be is said."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.domain.changes import Create, FlowAt
from reconciler.domain.marks import Owner
from reconciler.domain.model import Region
from reconciler.relay.faults.injection import Faults
from reconciler.relay.faults.knobs import (
    AllowedProtocolsNull,
    Begin,
    Delay,
    DelayedStates,
    Drop,
    InternalError,
    Knob,
    ListOrder,
    MaskedSecrets,
    MissingPage,
    Order,
    PageSizeCap,
    RepeatedPage,
    Shown,
    Throttle,
    UnknownFields,
    When,
)
from reconciler.relay.service import Relay
from reconciler.relay.settings import MediaKind, RelaySettings
from reconciler.sources.clock import SystemClock
from reconciler.streamlink.backend import StreamLinkBackend
from reconciler.streamlink.client import ClientSettings, StreamLinkClient
from tests.endtoend.commands import DEADLINE_S, Said, Shell
from tests.endtoend.conftest import CANARY, FLOW, PLATFORM, TOWER
from tests.endtoend.sdk import Sdk
from tests.fakes.samples import SRT_FLOW

pytestmark = pytest.mark.anyio

CREATE_FLOW, CREATE_OUTPUT = "CreateStreamLinkFlow", "CreateStreamLinkOutputInfo"
START, STOP = "StartStreamLinkFlow", "StopStreamLinkFlow"
LIST = "DescribeStreamLinkFlows"
LISTS_AT_REST = 15
"""Of one flow each: three flows are five passes."""


RTP = """\
apiVersion: reconciler/v1
kind: Output
metadata: {name: rtp}
spec: {flow: news, protocol: RTP, rtp: {destinations: [{host: 127.0.0.1, port: 9}]}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """A relay with its faults, a tree, and the command line."""

    relay: Relay
    faults: Faults
    tree: Path
    reconciler: Shell
    delayed: asyncio.Event
    """Set by the first call that meets a delay."""
    released: asyncio.Event
    """Set to end every delay."""

    async def apply(self) -> Said:
        """Make the account as the tree says."""
        return await self.reconciler("apply", self.tree, "--auto-approve")

    async def differs(self) -> bool:
        """Return whether a plan would change something."""
        said = await self.reconciler("plan", self.tree, "--detailed-exitcode")
        assert said.status in {0, 2}, said.everything
        return said.status == 2

    async def rest(self) -> None:
        """Return once the list was read so often without a write that several passes had nothing to do."""
        writes = lists = -1
        async with asyncio.timeout(DEADLINE_S):
            while self.relay.calls[LIST] - lists < LISTS_AT_REST:
                if self.writes != writes:
                    writes, lists = self.writes, self.relay.calls[LIST]
                await asyncio.sleep(0.05)

    async def flow(self) -> Any:
        """Return the one flow, as it is: no knob is on any more."""
        self.faults.turn()
        return await Sdk(self.relay.address, self.relay.credentials).only_flow()

    async def outputs(self) -> dict[str, Any]:
        """Return the outputs of the one flow by their names, of which no two are the same."""
        outputs = (await self.flow()).OutputGroup
        named = {output.OutputName: output for output in outputs}
        assert len(named) == len(outputs)
        return named

    @property
    def writes(self) -> int:
        """Return how many calls there were that change something."""
        return sum(count for action, count in self.relay.calls.items() if not action.startswith("Describe"))

    def set_latency(self, latency_ms: int) -> None:
        """Write another latency of the output `tower` into the tree."""
        (self.tree / "tower.yaml").write_text(TOWER.replace("LATENCY", str(latency_ms)))

    def write_tower_without_encryption(self) -> None:
        """Write the output `tower` into the tree without its encryption."""
        lines = TOWER.replace("LATENCY", "120").splitlines(keepends=True)
        (self.tree / "tower.yaml").write_text("".join(line for line in lines if "encryption" not in line))


@pytest.fixture
async def studio(tmp_path: Path, tree: Path, reconciler: Shell) -> AsyncIterator[Studio]:
    """Serve the control plane alone, with no knob on yet."""
    delayed, released = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        delayed.set()
        await released.wait()

    faults = Faults(sleep=sleep)
    settings = RelaySettings(state=tmp_path / "state", media=MediaKind.NONE, faults=faults)
    async with Relay(settings) as relay:
        yield Studio(relay=relay, faults=faults, tree=tree, reconciler=reconciler, delayed=delayed, released=released)
        released.set()


def once(kind: type[Drop | InternalError], when: When, *actions: str) -> Knob:
    """Return a knob that spoils one call of these actions."""
    return kind(when=when, actions=frozenset(actions), times=1)


LOST = pytest.mark.parametrize("kind", [Drop, InternalError], ids=["dropped", "InternalError"])


@LOST
async def test_a_create_whose_answer_is_lost_is_made_once(studio: Studio, kind: type[Drop | InternalError]) -> None:
    """What was made is found by its mark within the same apply, and not made again."""
    studio.faults.turn(once(kind, When.AFTER_COMMIT, CREATE_FLOW), once(kind, When.AFTER_COMMIT, CREATE_OUTPUT))

    applied = await studio.apply()

    assert applied.status == 0, applied.everything
    assert (studio.relay.calls[CREATE_FLOW], studio.relay.calls[CREATE_OUTPUT]) == (1, 2)
    assert (await studio.outputs()).keys() == {"tower", "platform"}
    assert not await studio.differs()


@LOST
async def test_a_create_that_was_not_made_is_left_to_the_next_pass(
    studio: Studio, kind: type[Drop | InternalError]
) -> None:
    """Who cannot know looks first and sends nothing more; the next pass sees that it is missing."""
    studio.faults.turn(once(kind, When.BEFORE_COMMIT, CREATE_FLOW))

    first = await studio.apply()
    sent = studio.writes
    second = await studio.apply()

    assert (first.status, sent, second.status) == (1, 1, 0), first.everything
    assert "may have been carried out" in first.everything
    assert (await studio.outputs()).keys() == {"tower", "platform"}


async def test_a_pass_that_dies_within_a_create_leaves_nothing_to_be_made_twice(studio: Studio) -> None:
    """The flow was made and nobody heard of it: the next pass finds its own mark, and completes what is there."""
    studio.faults.turn(Delay(when=When.AFTER_COMMIT, seconds=60, actions=frozenset({CREATE_FLOW})))
    dying = await studio.reconciler.start("apply", studio.tree, "--auto-approve")
    try:
        await asyncio.wait_for(studio.delayed.wait(), DEADLINE_S)
    finally:
        dying.kill()
        await dying.communicate()
    studio.released.set()

    applied = await studio.apply()

    assert applied.status == 0, applied.everything
    assert studio.relay.calls[CREATE_FLOW] == 1
    assert (await studio.outputs()).keys() == {"tower", "platform"}


async def test_a_create_that_is_answered_too_late_is_found(studio: Studio) -> None:
    """Who stops waiting looks for what was made, and sends no second create."""
    studio.faults.turn(Delay(when=When.AFTER_COMMIT, seconds=60, actions=frozenset({CREATE_FLOW})))
    relay, clock = studio.relay, SystemClock()
    patience = ClientSettings(
        credentials=relay.credentials, endpoint=relay.address, timeout=httpx.Timeout(10.0, read=1.0)
    )
    client = StreamLinkClient(patience, clock=clock, random_fraction=lambda: 0.0)
    backend = StreamLinkBackend(client, owner=Owner("local"), regions=(Region("local"),), clock=clock)
    at = FlowAt(Region("local"), SRT_FLOW.live_name)

    await backend.apply(Create(key=SRT_FLOW.key, at=at, wanted=SRT_FLOW))

    (found,) = await backend.observe(Region("local"))
    await backend.close()
    assert (found.spec, relay.calls[CREATE_FLOW]) == (SRT_FLOW.spec, 1)


@LOST
@pytest.mark.parametrize("when", When)
async def test_an_edit_and_a_delete_are_sent_until_they_are_answered(
    studio: Studio, kind: type[Drop | InternalError], when: When
) -> None:
    """Both may be repeated, and a delete of what is gone is done."""
    await studio.apply()
    studio.set_latency(333)
    (studio.tree / "platform.yaml").unlink()
    edit, delete = "ModifyStreamLinkOutputInfo", "DeleteStreamLinkOutput"
    studio.faults.turn(once(kind, when, edit), once(kind, when, delete))

    applied = await studio.apply()

    outputs = await studio.outputs()
    assert applied.status == 0, applied.everything
    assert (studio.relay.calls[edit], studio.relay.calls[delete]) == (2, 2)
    assert {name: output.SRTSettings.Latency for name, output in outputs.items()} == {"tower": 333}


@LOST
async def test_a_start_whose_answer_is_lost_is_not_sent_again(studio: Studio, kind: type[Drop | InternalError]) -> None:
    """The state tells that it was carried out."""
    studio.faults.turn(once(kind, When.AFTER_COMMIT, START))

    applied = await studio.apply()

    assert (applied.status, studio.relay.calls[START]) == (0, 1), applied.everything
    assert (await studio.flow()).State == "RUNNING"


async def test_throttled_calls_are_sent_again_and_succeed(studio: Studio) -> None:
    """Creates too: what is throttled was not carried out."""
    studio.faults.turn(Throttle(times=2, actions=frozenset({CREATE_OUTPUT})), Throttle(every=2))

    applied = await studio.apply()

    assert applied.status == 0, applied.everything
    assert (await studio.outputs()).keys() == {"tower", "platform"}


async def test_what_is_throttled_for_long_fails_alone(studio: Studio) -> None:
    """The rest is done, the reason is said, and the next pass makes what is missing, once."""
    studio.faults.turn(Throttle(actions=frozenset({CREATE_OUTPUT})))

    first = await studio.apply()
    studio.faults.turn()
    second = await studio.apply()

    assert (first.status, second.status) == (5, 0), first.everything
    assert "RequestLimitExceeded" in first.everything
    assert (await studio.outputs()).keys() == {"tower", "platform"}


@pytest.mark.parametrize("shown", Shown)
async def test_masked_secrets_are_no_difference_and_stay(studio: Studio, shown: Shown) -> None:
    """What cannot be compared has not drifted; an edit of something else sends the true secrets again."""
    await studio.apply()
    studio.faults.turn(MaskedSecrets(shown=shown))
    differs_at_first = await studio.differs()
    studio.set_latency(333)

    applied = await studio.apply()

    differs_at_last = await studio.differs()
    outputs = await studio.outputs()
    srt, (target,) = outputs["tower"].SRTSettings, outputs["platform"].RTMPSettings.Destinations
    assert (differs_at_first, applied.status, differs_at_last) == (False, 0, False), applied.everything
    assert (srt.Latency, srt.Passphrase, srt.PbKeyLen) == (333, f"{CANARY}-tower", 32)
    assert target.StreamKey == f"{CANARY}-platform"


async def test_a_mask_where_there_is_no_secret_is_no_encryption(studio: Studio) -> None:
    """An output without encryption is not edited on every pass because a service masks without looking."""
    studio.write_tower_without_encryption()
    await studio.apply()
    studio.faults.turn(MaskedSecrets(even_empty=True))

    assert not await studio.differs()


async def test_a_masked_secret_is_changed_by_its_version(studio: Studio) -> None:
    """Once: the mark says which version was sent, for nobody can see the secret itself."""
    await studio.apply()
    studio.faults.turn(MaskedSecrets())
    versioned = TOWER.replace("LATENCY", "120").replace("{env: STREAM_TOWER}", "{file: tower, version: 1}")
    (studio.tree / "tower.yaml").write_text(versioned)
    (studio.reconciler.state / "secrets" / "tower").write_text(f"{CANARY}-another\n")

    applied = await studio.apply()

    differs = await studio.differs()
    outputs = await studio.outputs()
    assert (applied.status, differs) == (0, False), applied.everything
    assert studio.relay.calls["ModifyStreamLinkOutputInfo"] == 1
    assert outputs["tower"].SRTSettings.Passphrase == f"{CANARY}-another"


async def test_encryption_is_turned_off_although_its_passphrase_is_masked(studio: Studio) -> None:
    """A manifest without encryption differs from an output that has some, whatever can be read of it."""
    await studio.apply()
    studio.faults.turn(MaskedSecrets())
    studio.write_tower_without_encryption()

    applied = await studio.apply()

    differs = await studio.differs()
    srt = (await studio.outputs())["tower"].SRTSettings
    assert (applied.status, differs) == (0, False), applied.everything
    assert (srt.Passphrase, srt.PbKeyLen) == ("", 0)


async def test_unknown_fields_are_no_drift_and_are_not_sent_back(studio: Studio) -> None:
    """An edit keeps what the API lets us send back, and nothing of what it would refuse as unknown."""
    await studio.apply()
    sdk = Sdk(studio.relay.address, studio.relay.credentials)
    await sdk.set_security_group(await sdk.only_flow(), "tower", "sg-1")
    studio.faults.turn(UnknownFields())
    studio.set_latency(333)

    applied = await studio.apply()

    differs = await studio.differs()
    said = await studio.reconciler("status")
    tower = (await studio.outputs())["tower"]
    assert (applied.status, differs, said.status) == (0, False, 0), applied.everything
    assert (tower.SRTSettings.Latency, tower.SecurityGroupIds) == (333, ["sg-1"])


def write_three_flows(studio: Studio) -> None:
    """Have three flows in the tree, each with an output."""
    for name in ("sport", "talk"):
        (studio.tree / f"{name}.yaml").write_text(FLOW.replace("name: news", f"name: {name}"))
        feed = PLATFORM.replace("name: platform", "name: feed").replace("flow: news", f"flow: {name}")
        (studio.tree / f"{name}_feed.yaml").write_text(feed.replace("9/live", f"9/{name}"))


async def three_flows(studio: Studio) -> None:
    """Have them in the account, too."""
    write_three_flows(studio)
    applied = await studio.apply()
    assert applied.status == 0, applied.everything


BAD_LISTS = {
    "another order for every page": (PageSizeCap(rows=2), ListOrder(order=Order.SHUFFLED)),
    "the second page repeats the first": (PageSizeCap(rows=1), RepeatedPage(page=2)),
    "the first page is missing": (PageSizeCap(rows=1), MissingPage(page=1)),
    "the last page is missing": (PageSizeCap(rows=1), MissingPage(page=3)),
}


@pytest.mark.parametrize("knobs", BAD_LISTS.values(), ids=BAD_LISTS.keys())
async def test_a_list_that_is_not_whole_is_an_error(studio: Studio, knobs: tuple[Knob, ...]) -> None:
    """
    What is missing from it would look like something to create, so nothing is sent, no delete either, and it is said
    why.
    """
    await three_flows(studio)
    for name in ("sport", "sport_feed"):
        (studio.tree / f"{name}.yaml").unlink()
    sent = studio.writes
    studio.faults.turn(*knobs)

    applied = await studio.apply()

    assert (applied.status, studio.writes) == (7, sent), applied.everything
    assert "does not add up" in applied.everything


async def test_a_list_that_is_bad_once_is_read_again(studio: Studio) -> None:
    """The second reading is whole, and nothing is to be done."""
    await three_flows(studio)
    sent = studio.writes
    studio.faults.turn(PageSizeCap(rows=1), RepeatedPage(page=2, times=1))

    applied = await studio.apply()

    assert (applied.status, studio.writes) == (0, sent), applied.everything


@pytest.mark.parametrize(
    "knobs",
    [
        pytest.param((ListOrder(order=Order.REVERSED),), id="reversed"),
        pytest.param((PageSizeCap(rows=1),), id="small pages"),
        pytest.param((PageSizeCap(rows=2), ListOrder(order=Order.REVERSED)), id="both"),
        pytest.param((PageSizeCap(rows=2, begin=Begin.ASKED),), id="pages cut short"),
    ],
)
async def test_neither_order_nor_size_of_pages_matters(studio: Studio, knobs: tuple[Knob, ...]) -> None:
    """The list is whole, so the same plan comes of it: none."""
    await three_flows(studio)
    studio.faults.turn(*knobs)

    assert not await studio.differs()


@pytest.mark.parametrize(("state", "action", "shown"), [("running", START, "RUNNING"), ("idle", STOP, "IDLE")])
async def test_a_state_that_shows_late_is_waited_for(studio: Studio, state: str, action: str, shown: str) -> None:
    """One start, one stop: a flow that is still read as it was is not turned a second time."""
    if state == "idle":
        await studio.apply()
    (studio.tree / "news.yaml").write_text(FLOW.replace("  region: local\n", f"  region: local\n  state: {state}\n"))
    studio.faults.turn(DelayedStates(reads=3))

    applied = await studio.apply()

    differs = await studio.differs()
    assert (applied.status, differs) == (0, False), applied.everything
    assert studio.relay.calls[action] == 1
    assert (await studio.flow()).State == shown


@pytest.mark.parametrize("reads", [1, 2])
async def test_a_start_that_was_lost_and_shows_late_is_settled_by_the_next_pass(studio: Studio, reads: int) -> None:
    """Whether the next pass sees that it runs or has its start refused for that, the flow runs and all is well."""
    studio.faults.turn(once(Drop, When.AFTER_COMMIT, START), DelayedStates(reads=reads, times=1))

    await studio.apply()
    second = await studio.apply()

    differs = await studio.differs()
    assert (second.status, differs) == (0, False), second.everything
    assert (await studio.flow()).State == "RUNNING"


async def test_without_the_backends_word_the_known_matrix_holds(studio: Studio) -> None:
    """A flow that does not say what it allows is given what the protocols allow, and nothing else."""
    studio.faults.turn(AllowedProtocolsNull())
    applied = await studio.apply()
    (studio.tree / "rtp.yaml").write_text(RTP)

    refused = await studio.apply()

    assert (applied.status, refused.status) == (0, 3), applied.everything + refused.everything
    assert (await studio.outputs()).keys() == {"tower", "platform"}


async def test_the_loop_gets_through_a_bad_day_and_comes_to_rest(studio: Studio) -> None:
    """With everything wrong at once the account becomes as it is wanted, nothing is there twice, and writing ends."""
    write_three_flows(studio)
    (studio.reconciler.home / "reconciler.yaml").write_text("loop: {observeS: 1}\n")
    studio.faults.turn(
        Throttle(every=4),
        Drop(when=When.AFTER_COMMIT, every=3, actions=frozenset({CREATE_FLOW, CREATE_OUTPUT, START})),
        InternalError(when=When.BEFORE_COMMIT, every=7),
        MaskedSecrets(even_empty=True),
        UnknownFields(),
        AllowedProtocolsNull(),
        DelayedStates(reads=2),
        PageSizeCap(rows=1),
        RepeatedPage(page=2, every=5),
        ListOrder(order=Order.REVERSED),
    )
    run = await studio.reconciler.start(
        "run", studio.tree, "--backend", "relay", "--endpoint", studio.relay.endpoint, "--region", "local"
    )
    try:
        await studio.rest()
    finally:
        run.terminate()
        said, _ = await asyncio.wait_for(run.communicate(), DEADLINE_S)

    studio.faults.turn()
    assert run.returncode == 0, said
    assert studio.relay.calls["ModifyStreamLinkOutputInfo"] + studio.relay.calls["ModifyStreamLinkInput"] == 0
    assert sorted(await Sdk(studio.relay.address, studio.relay.credentials).names()) == ["news", "sport", "talk"]
    assert not await studio.differs()
