"""What a plan refuses: it is not ours, or nobody could read or resolve all of it."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Action, Failed, Hold
from reconciler.domain.marks import Owner
from reconciler.domain.model import Actual, FlowKey, FlowLink, FlowState, OutputKey, Region, RegionKey, Srt, Unreadable
from reconciler.domain.protocols import Protocol
from reconciler.domain.resolution import Resolved
from tests.builders import LOCAL, actual, flow, found_flow, found_output, output, resolved
from tests.unit.domain.planned import NEWS, RADIO, TOWER, planned, said


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
