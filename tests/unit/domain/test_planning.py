"""The plan: what is sent, in which order, and what waits."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Failed
from reconciler.domain.impact import Impact
from reconciler.domain.model import Actual, Care, DriftMode, FlowKey, FlowLink, FlowState, Region, Srt
from reconciler.domain.resolution import Resolved
from reconciler.domain.secrets import HIDDEN
from tests.builders import actual, flow, found_flow, found_output, output, resolved
from tests.unit.domain.planned import NEWS, RADIO, TOWER, planned, said


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


@pytest.mark.parametrize("mode", DriftMode)
def test_what_is_done_about_drift_is_no_difference(mode: DriftMode) -> None:
    """It is about how changes are made, and the account is told nothing of it."""
    care = Care(drift=mode)
    found = actual(found_flow(NEWS, found_output(TOWER)))

    assert planned(resolved(replace(NEWS, care=care), replace(TOWER, care=care)), found).changes == ()


def test_an_allowlist_in_another_order_is_no_drift() -> None:
    """An allowlist is a set."""
    one = replace(NEWS, spec=replace(NEWS.spec, input=replace(NEWS.spec.input, allowlist=("a", "b"))))
    other = replace(NEWS, spec=replace(NEWS.spec, input=replace(NEWS.spec.input, allowlist=("b", "a"))))

    assert planned(resolved(one), actual(found_flow(other, state=FlowState.IDLE))).is_empty
