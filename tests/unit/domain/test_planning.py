"""The plan: what is sent, in which order, and what is held back."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Action, Change, Failed, Hold, Plan, Sequence
from reconciler.domain.impact import Capabilities, Impact
from reconciler.domain.marks import Owner
from reconciler.domain.model import (
    Actual,
    FlowKey,
    FlowLink,
    FlowState,
    OutputKey,
    Region,
    RegionKey,
    Srt,
    Unreadable,
)
from reconciler.domain.planning import plan
from reconciler.domain.protocols import Protocol
from reconciler.domain.resolution import Resolved
from reconciler.domain.secrets import HIDDEN
from tests.builders import LOCAL, US, actual, flow, found_flow, found_output, output, resolved

NEWS = flow()
TOWER = output()
RADIO = output("radio")


def planned(wanted: Resolved, found: Actual) -> Plan:
    """Plan as the owner that the builders mark with."""
    return plan(wanted, found, owner=US, capabilities=Capabilities())


def said(changes: tuple[Change, ...]) -> list[str]:
    """Return the changes as `action address`, the calls of a sequence below it."""
    lines: list[str] = []
    for change in changes:
        lines.append(f"{change.action} {change.key}")
        if isinstance(change, Sequence):
            lines.extend(f"  {call.action} {call.key}" for call in change.calls)
    return lines


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        pytest.param(resolved(NEWS, TOWER), actual(found_flow(NEWS, found_output(TOWER))), [], id="in step"),
        pytest.param(
            resolved(NEWS, TOWER, RADIO),
            actual(),
            ["create flow/news", "create output/news/radio", "create output/news/tower", "start flow/news"],
            id="a new flow is made, filled and started",
        ),
        pytest.param(resolved(NEWS), actual(), ["create flow/news"], id="a flow without outputs waits for its first"),
        pytest.param(
            resolved(flow(state=FlowState.IDLE), TOWER),
            actual(),
            ["create flow/news", "create output/news/tower"],
            id="an idle flow is not started",
        ),
        pytest.param(
            resolved(NEWS, TOWER, RADIO),
            actual(found_flow(NEWS, found_output(TOWER))),
            ["create output/news/radio"],
            id="a missing output is created",
        ),
        pytest.param(
            resolved(NEWS, TOWER),
            actual(found_flow(NEWS, found_output(TOWER), found_output(RADIO))),
            ["delete output/news/radio"],
            id="surplus of ours is deleted",
        ),
        pytest.param(
            resolved(NEWS, TOWER),
            actual(found_flow(NEWS, found_output(TOWER), found_output(RADIO, owner=None))),
            [],
            id="surplus of others is left alone",
        ),
        pytest.param(
            resolved(NEWS, RADIO),
            actual(found_flow(NEWS, found_output(RADIO), found_output(TOWER))),
            ["delete output/news/tower"],
            id="siblings are left alone",
        ),
        pytest.param(
            resolved(NEWS, output(latency_ms=300)),
            actual(found_flow(NEWS, found_output(TOWER))),
            ["edit output/news/tower"],
            id="drift is edited",
        ),
        pytest.param(
            resolved(NEWS, RADIO, output(region=Region("eu-frankfurt"))),
            actual(found_flow(NEWS, found_output(TOWER), found_output(RADIO))),
            ["recreate output/news/tower", "  delete output/news/tower", "  create output/news/tower"],
            id="what cannot be edited is made anew",
        ),
        pytest.param(
            resolved(NEWS, output(region=Region("eu-frankfurt"))),
            actual(found_flow(NEWS, found_output(TOWER))),
            [
                "recreate output/news/tower",
                "  stop flow/news",
                "  delete output/news/tower",
                "  create output/news/tower",
                "  start flow/news",
            ],
            id="a running flow stops while its only output is made anew",
        ),
        pytest.param(
            resolved(NEWS, TOWER),
            actual(found_flow(NEWS, found_output(TOWER), state=FlowState.IDLE)),
            ["start flow/news"],
            id="a hand-made stop is drift",
        ),
        pytest.param(
            resolved(flow(state=FlowState.IDLE), output(latency_ms=300)),
            actual(found_flow(NEWS, found_output(TOWER))),
            ["stop flow/news", "edit output/news/tower"],
            id="a flow stops before its outputs are edited",
        ),
        pytest.param(
            resolved(NEWS),
            actual(found_flow(NEWS, found_output(TOWER))),
            ["stop flow/news", "delete output/news/tower"],
            id="the last output of a running flow goes after the stop",
        ),
        pytest.param(
            resolved(NEWS, RADIO),
            actual(found_flow(NEWS, found_output(TOWER))),
            ["create output/news/radio", "delete output/news/tower"],
            id="the only output is followed before it goes, so that the flow runs on",
        ),
        pytest.param(
            resolved(),
            actual(found_flow(NEWS, found_output(TOWER), found_output(RADIO))),
            [
                "delete flow/news",
                "  stop flow/news",
                "  delete output/news/tower",
                "  delete output/news/radio",
                "  delete flow/news",
            ],
            id="a surplus flow is stopped, and then goes outputs first",
        ),
        pytest.param(
            resolved(flow(latency_ms=300), TOWER),
            actual(found_flow(NEWS, found_output(TOWER))),
            ["edit flow/news"],
            id="an input is edited",
        ),
        pytest.param(
            resolved(flow(live_name="renamed"), TOWER),
            actual(found_flow(NEWS, found_output(TOWER))),
            ["edit flow/news"],
            id="a flow is known again by its mark when its live name changes",
        ),
        pytest.param(
            resolved(NEWS, output(live_name="renamed")),
            actual(found_flow(NEWS, found_output(TOWER))),
            ["edit output/news/tower"],
            id="an output is known again by its mark when its live name changes",
        ),
    ],
)
def test_plan(wanted: Resolved, found: Actual, expected: list[str]) -> None:
    """A plan holds exactly the calls that close the gap, in the order to send them."""
    assert said(planned(wanted, found).changes) == expected


def test_a_flow_that_moves_to_another_region_is_made_anew() -> None:
    """A flow's region is part of where it is, so a move removes it there and makes it here."""
    moved = flow(region=Region("eu-frankfurt"))
    there = actual(found_flow(NEWS, found_output(TOWER)))
    there.regions[Region("eu-frankfurt")] = ()

    changes = planned(resolved(moved, TOWER), there).changes

    assert said(changes) == [
        "recreate flow/news",
        "  create flow/news",
        "  create output/news/tower",
        "  stop flow/news",
        "  start flow/news",
        "  delete output/news/tower",
        "  delete flow/news",
    ]


@pytest.mark.parametrize(
    ("wanted", "found", "key", "words"),
    [
        pytest.param(
            resolved(NEWS, TOWER),
            actual(found_flow(NEWS, owner=None)),
            FlowKey("news"),
            "ending its input's Description with [gitops:v1 o=local n=news]",
            id="a flow without our mark",
        ),
        pytest.param(
            resolved(NEWS, TOWER),
            actual(found_flow(NEWS, owner=Owner("others"))),
            FlowKey("news"),
            "another owner, 'others'",
            id="a flow of another owner",
        ),
        pytest.param(
            resolved(NEWS, TOWER),
            actual(found_flow(NEWS, found_output(TOWER, owner=None))),
            OutputKey("news", "tower"),
            "without our mark",
            id="an output without our mark",
        ),
        pytest.param(
            resolved(NEWS),
            actual(found_flow(NEWS), found_flow(NEWS)),
            FlowKey("news"),
            "2 flows bear the name 'news'",
            id="a flow name found twice",
        ),
        pytest.param(
            resolved(NEWS, TOWER),
            actual(found_flow(NEWS, found_output(TOWER), found_output(TOWER))),
            OutputKey("news", "tower"),
            "2 outputs bear the name 'tower'",
            id="an output name found twice",
        ),
        pytest.param(
            resolved(NEWS), actual(unreadable=LOCAL), FlowKey("news"), "it did not answer", id="an unreadable region"
        ),
        pytest.param(
            resolved(NEWS),
            actual(found_flow(NEWS), unreadable=Region("far")),
            RegionKey(Region("far")),
            "nothing that may be there without a manifest is deleted: it did not answer",
            id="an unreadable region where nothing is wanted",
        ),
        pytest.param(
            resolved(flow(region=Region("moon"))), actual(), FlowKey("news"), "region moon", id="an unknown region"
        ),
        pytest.param(
            resolved(NEWS),
            actual(replace(found_flow(NEWS), spec=None)),
            FlowKey("news"),
            "cannot describe",
            id="a flow that manifests cannot say",
        ),
        pytest.param(
            resolved(NEWS, TOWER),
            actual(found_flow(NEWS, replace(found_output(TOWER), spec=None))),
            OutputKey("news", "tower"),
            "cannot describe",
            id="an output that manifests cannot say",
        ),
        pytest.param(
            resolved(NEWS, TOWER),
            actual(found_flow(NEWS, allowed_outputs=frozenset({Protocol.RTP}))),
            OutputKey("news", "tower"),
            "allows RTP on this flow, and not SRT",
            id="an output that the backend does not allow",
        ),
        pytest.param(
            resolved(),
            actual(found_flow(NEWS, found_output(TOWER, owner=None))),
            FlowKey("news"),
            "outputs without our mark (tower)",
            id="the delete of a flow that holds an output of others",
        ),
        pytest.param(
            resolved(replace(NEWS, spec=replace(NEWS.spec, max_bandwidth_bps=20_000_000))),
            actual(found_flow(NEWS, found_output(TOWER, owner=None))),
            FlowKey("news"),
            "outputs without our mark (tower)",
            id="the recreate of a flow that holds an output of others",
        ),
    ],
)
def test_what_may_not_be_touched_is_held_back(
    wanted: Resolved, found: Actual, key: FlowKey | OutputKey | RegionKey, words: str
) -> None:
    """Nothing is sent for what is not ours, found twice or unknown; it is named, with the reason."""
    held = planned(wanted, found)

    assert held.changes == ()
    assert [item.key for item in held.blocked] == [key]
    assert words in held.blocked[0].why


def test_a_region_that_was_not_read_is_named() -> None:
    """It stands where resources stand otherwise, and is none of them."""
    held = planned(resolved(NEWS), actual(found_flow(NEWS), unreadable=Region("far")))

    assert [(str(item.key), item.action) for item in held.blocked] == [("region/far", Action.DELETE)]


@pytest.mark.parametrize("is_known", [False, True])
def test_a_flow_that_may_be_where_nobody_could_look_is_not_made_again(*, is_known: bool) -> None:
    """It may be on air there, and two would take one stream; what is known goes on, its new outputs as well."""
    there = [found_flow(NEWS, found_output(TOWER))] if is_known else []

    held = planned(resolved(NEWS, TOWER, RADIO), actual(*there, unreadable=Region("far")))

    assert said(held.changes) == (["create output/news/radio"] if is_known else [])
    assert [(str(item.key), item.action, item.hold) for item in held.blocked] == [
        *([] if is_known else [("flow/news", Action.CREATE, Hold.UNREADABLE)]),
        ("region/far", Action.DELETE, Hold.UNREADABLE),
    ]


def test_what_may_be_elsewhere_says_where_and_what_to_do() -> None:
    """All regions that could not be read are named, each with why."""
    there = actual(unreadable=Region("far"))
    there.regions[Region("away")] = Unreadable(why="it is down")

    held = planned(resolved(NEWS, TOWER), there)

    assert held.blocked[0].why == (
        "it may be there already, in region away, which could not be read (it is down), region far, which could not be "
        "read (it did not answer); made here as well, both would take one stream; it goes on once that can be read; if "
        "nothing of ours is there, leave it out of `backend.regions`; its 1 outputs wait with it"
    )


@pytest.mark.parametrize("state", FlowState)
@pytest.mark.parametrize("is_read", [False, True])
def test_a_twin_is_not_started_while_the_other_one_cannot_be_seen(state: FlowState, *, is_read: bool) -> None:
    """Of a recreate that moves a flow, the half that can be read is no flow that just stands still."""
    there = found_flow(NEWS, found_output(TOWER), state=FlowState.IDLE)
    assert there.mark is not None
    twin = replace(there, mark=replace(there.mark, twin=True))

    held = planned(resolved(flow(state=state), TOWER), actual(twin, unreadable=None if is_read else Region("far")))

    starts, waits = state is FlowState.RUNNING, state is FlowState.RUNNING and not is_read
    assert said(held.changes) == (["start flow/news"] if starts and not waits else [])
    assert any("what may still run in region far" in item.why for item in held.blocked) is waits


def test_a_refused_flow_says_how_many_outputs_wait_with_it() -> None:
    """One line for the flow stands for its outputs too."""
    held = planned(resolved(NEWS, TOWER, RADIO), actual(found_flow(NEWS, owner=None)))

    assert held.blocked[0].why.endswith("its 2 outputs wait with it")
    assert held.blocked[0].action is Action.EDIT


def test_a_resource_whose_secret_failed_is_left_as_it_is() -> None:
    """A secret that cannot be resolved never deletes, stops or edits what is live."""
    failed = (Failed(key=TOWER.key, why="no such variable"), Failed(key=FlowKey("sport"), why="no such file"))
    sport = flow("sport")
    found = actual(found_flow(NEWS, found_output(TOWER)), found_flow(sport, found_output(output(of="sport"))))

    held = planned(Resolved(desired=resolved(NEWS).desired, failed=failed), found)

    assert held.changes == ()
    assert held.failed == failed


def test_a_flow_is_not_made_anew_while_an_output_could_not_be_made_again() -> None:
    """An output whose secret failed would be lost with its flow, so the flow stays."""
    wider = replace(NEWS, spec=replace(NEWS.spec, max_bandwidth_bps=20_000_000))
    failed = (Failed(key=TOWER.key, why="no such variable"),)

    held = planned(
        Resolved(desired=resolved(wider).desired, failed=failed), actual(found_flow(NEWS, found_output(TOWER)))
    )

    assert held.changes == ()
    assert "secrets could not be resolved (tower)" in held.blocked[0].why


def test_a_flow_is_not_made_anew_while_an_output_waits() -> None:
    """What it calls may be there and not be found just now; the output would be lost with the old flow."""
    wider = replace(NEWS, spec=replace(NEWS.spec, max_bandwidth_bps=20_000_000))
    settings = output().spec.settings
    assert isinstance(settings, Srt)
    linked = output("link")
    linked = replace(linked, spec=replace(linked.spec, settings=replace(settings, peer=FlowLink(FlowKey("far")))))
    far = flow("far", region=Region("far"))
    there = found_flow(NEWS, found_output(TOWER), found_output(output("link")))

    held = planned(resolved(wider, TOWER, linked, far), actual(there, unreadable=Region("far")))

    assert held.changes == ()
    assert [item.key for item in held.waiting] == [linked.key]
    assert [(str(item.key), item.action) for item in held.blocked] == [
        ("flow/far", Action.CREATE),
        ("flow/news", Action.RECREATE),
    ]
    assert "the old one stays until all of that can be made" in held.blocked[1].why


def test_a_link_to_a_flow_whose_secret_failed_keeps_its_address() -> None:
    """The called flow is still live, whatever became of its manifest's secret."""
    origin, edge = flow("origin"), flow("edge")
    linked = output(of="origin")
    settings = linked.spec.settings
    assert isinstance(settings, Srt)
    linked = replace(linked, spec=replace(linked.spec, settings=replace(settings, peer=FlowLink(edge.key))))
    failed = (Failed(key=edge.key, why="no such variable"),)

    held = planned(
        Resolved(desired=resolved(origin, linked).desired, failed=failed), actual(found_flow(origin), found_flow(edge))
    )

    assert said(held.changes) == ["create output/origin/tower"]


def test_an_output_that_calls_a_flow_waits_for_its_address() -> None:
    """A link is replaced by the address that the backend gave the called input; before that the output waits."""
    origin, edge = flow("origin"), flow("edge")
    settings = output(of="origin").spec.settings
    assert isinstance(settings, Srt)
    linked = output(of="origin")
    linked = replace(linked, spec=replace(linked.spec, settings=replace(settings, peer=FlowLink(FlowKey("edge")))))

    before = planned(resolved(origin, edge, linked), actual())
    after = planned(resolved(origin, edge, linked), actual(found_flow(edge, state=FlowState.IDLE)))

    assert [item.key for item in before.waiting] == [linked.key]
    assert "create output/origin/tower" not in said(before.changes)
    assert after.waiting == ()
    assert "create output/origin/tower" in said(after.changes)


def test_a_masked_secret_is_sent_again_only_when_its_version_rises() -> None:
    """Where the backend hides secrets, the versions in the mark are the only sign of a new value."""
    wanted = output(passphrase="correct horse")
    settings = wanted.spec.settings
    assert isinstance(settings, Srt)
    assert settings.encryption is not None
    masked = replace(settings, encryption=replace(settings.encryption, passphrase=HIDDEN))
    found = replace(wanted, spec=replace(wanted.spec, settings=masked))

    same = planned(resolved(NEWS, wanted), actual(found_flow(NEWS, found_output(found))))
    risen = planned(resolved(NEWS, wanted), actual(found_flow(NEWS, found_output(found, versions=3))))

    assert same.is_empty
    assert said(risen.changes) == ["edit output/news/tower"]


@pytest.mark.parametrize(("state", "impact"), [(FlowState.RUNNING, Impact.RECONNECT), (FlowState.IDLE, Impact.NONE)])
def test_viewers_notice_an_edit_only_while_the_flow_runs(state: FlowState, impact: Impact) -> None:
    """The impact of a change is what viewers would notice now."""
    running = flow(state=state)

    changes = planned(
        resolved(running, output(latency_ms=300)), actual(found_flow(running, found_output(TOWER)))
    ).changes

    assert changes[0].impact is impact


def test_an_allowlist_in_another_order_is_no_drift() -> None:
    """An allowlist is a set."""
    one = replace(NEWS, spec=replace(NEWS.spec, input=replace(NEWS.spec.input, allowlist=("a", "b"))))
    other = replace(NEWS, spec=replace(NEWS.spec, input=replace(NEWS.spec.input, allowlist=("b", "a"))))

    assert planned(resolved(one), actual(found_flow(other, state=FlowState.IDLE))).is_empty
