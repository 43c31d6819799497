"""What is noticed of a change, in words."""

from dataclasses import replace
from typing import Final

import pytest

from reconciler.domain.changes import Create, FlowAt, Plan, Sequence, Start, Stop
from reconciler.domain.effects import effect, totals
from reconciler.domain.impact import Capabilities, EditRules
from reconciler.domain.model import Encryption, Flow, FlowState, FoundFlow, Output, Region, Srt
from reconciler.domain.planning import plan
from reconciler.domain.protocols import SrtMode
from reconciler.domain.secrets import HIDDEN
from tests.builders import US, actual, flow, found_flow, found_output, output, resolved

AWAY: Final = Region("eu-frankfurt")
NEWS: Final = flow()
RADIO: Final = output("radio")
BOTH: Final = found_flow(NEWS, found_output(output()), found_output(RADIO))
NOWHERE: Final = "whom to tell stands in no metadata.contacts"


def planned(*wanted: Flow | Output, found: FoundFlow = BOTH, rules: EditRules = EditRules.LIVE_2023) -> Plan:
    """Return the plan."""
    return plan(resolved(*wanted), actual(found), owner=US, capabilities=Capabilities(rules=rules))


def pull(region: Region | None = None) -> Output:
    """Return an output that receivers call."""
    made = output()
    spec = replace(made.spec, settings=Srt(mode=SrtMode.LISTENER), region=region or made.spec.region)
    return replace(made, spec=spec, care=replace(made.care, contacts=("the tower", "+49 30 1234")))


def masked(passphrase: str) -> Output:
    """Return an output whose passphrase the backend does not tell."""
    made = output(passphrase=passphrase)
    assert isinstance(made.spec.settings, Srt)
    settings = replace(made.spec.settings, encryption=Encryption(key_length=16, passphrase=HIDDEN))
    return replace(made, spec=replace(made.spec, settings=settings))


def only(found: Plan) -> str:
    """Return the words for the only change."""
    (change,) = found.changes
    return effect(change)


def test_what_nobody_notices() -> None:
    """A create, a start, and whatever is done to an idle flow."""
    idle = replace(BOTH, state=FlowState.IDLE)
    stopped = flow(state=FlowState.IDLE)

    assert only(planned(NEWS, output(), RADIO, output("new"))) == "none"
    assert only(planned(NEWS, output(), RADIO, found=idle)) == "none"
    assert only(planned(stopped, output(latency_ms=9), RADIO, found=idle)) == "none"


@pytest.mark.parametrize(
    ("watched", "words"),
    [
        ({}, "its receivers"),
        ({"id-tower": 0}, "nobody"),
        ({"id-tower": 1}, "1 receiver"),
        ({"id-tower": 3}, "3 receivers"),
    ],
)
def test_who_reconnects(watched: dict[str, int], words: str) -> None:
    """As many as are connected now, where somebody looked."""
    (edit,) = planned(NEWS, output(latency_ms=9), RADIO).changes
    (delete,) = planned(NEWS, RADIO).changes

    assert effect(edit, watched) == f"reconnect: {words}"
    assert effect(delete, watched) == f"goes off air: {words}"


def test_an_input_takes_every_output_with_it() -> None:
    """Its publisher reconnects."""
    assert only(planned(flow(latency_ms=9), output(), RADIO)) == "reconnect: the publisher, and with it every output"


def test_a_flow_that_stops() -> None:
    """How many outputs it puts off air: all of them, whatever the stop is for."""
    whole = only(planned(found=BOTH))
    strict = only(planned(NEWS, output(latency_ms=9), RADIO, rules=EditRules.STRICT_2021))
    idle = only(planned(flow(state=FlowState.IDLE), output(), RADIO))

    assert whole == "flow stops: 2 outputs off air"
    assert strict == idle == "flow stops: 2 outputs off air"


def test_the_totals_of_a_stop_are_those_of_its_line() -> None:
    """Also where nobody read the flow, and where it has no output."""
    stop = planned(flow(state=FlowState.IDLE), output(), RADIO)
    unread = Stop(key=NEWS.key, at=FlowAt(NEWS.spec.region, "news"))

    assert totals(stop) == "2 outputs to go off air"
    assert totals(stop, {"id-tower": 2, "id-radio": 1}) == "2 outputs to go off air; 3 receivers connected to them now"
    assert effect(unread) == "flow stops: its outputs go off air"
    assert totals(Plan(changes=(unread,))) == "1 flow to stop"
    assert totals(Plan(changes=(unread, unread))) == "2 flows to stop"


def test_an_output_that_goes_while_its_flow_stops_goes_off_air_once() -> None:
    """Two changes put it off air, and it is one output all the same."""
    stopped = planned(flow(state=FlowState.IDLE), RADIO)
    emptied = planned(NEWS)

    assert len(stopped.changes) > 1
    assert totals(stopped) == totals(emptied) == "2 outputs to go off air"


def test_what_is_left_of_a_recreate_gives_no_new_addresses() -> None:
    """The new output is there, or the old one is wanted back: one of the two goes, and that is what is told."""
    new = replace(found_output(pull(AWAY)), id="id-new", live_name="tower_t")
    assert new.mark is not None
    twin = replace(new, mark=replace(new.mark, twin=True))
    found = found_flow(NEWS, found_output(pull()), twin, found_output(RADIO))

    onward, back = planned(NEWS, pull(AWAY), RADIO, found=found), planned(NEWS, pull(), RADIO, found=found)
    neither = planned(NEWS, pull(Region("us-east")), RADIO, found=found)

    tell = "tell the tower, +49 30 1234"
    assert effect(onward.changes[0], {"id-tower": 2}) == (
        f"tower goes once tower_t, which is there, delivers as it does (2 receivers); {tell}"
    )
    assert effect(back.changes[0], {"id-new": 0}) == (
        f"tower_t goes once tower, which is there, delivers as it does (nobody); {tell}"
    )
    assert effect(neither.changes[0], {"id-new": 0}) == "goes off air: nobody"
    assert totals(onward) == totals(back) == totals(neither) == "1 output to go off air"


def test_what_is_made_beside_is_told_in_the_order_in_which_it_is_sent() -> None:
    """The old one goes last; in place it goes first."""
    found = found_flow(NEWS, found_output(pull()), found_output(RADIO))

    (beside,) = planned(NEWS, pull(AWAY), RADIO, found=found).changes
    (in_place,) = planned(NEWS, output(region=AWAY), RADIO).changes

    assert isinstance(beside, Sequence)
    assert isinstance(in_place, Sequence)
    assert [str(call.action) for call in beside.expected] == ["create", "delete"]
    assert [str(call.action) for call in in_place.expected] == ["delete", "create"]


def test_an_output_that_is_made_anew() -> None:
    """Beside the old one or in a break, and with whom to tell."""
    found = found_flow(NEWS, found_output(pull()), found_output(RADIO))

    assert only(planned(NEWS, pull(AWAY), RADIO, found=found)) == (
        "addresses change; the old one serves until the new one delivers (its receivers); tell the tower, +49 30 1234"
    )
    assert only(planned(NEWS, output(region=AWAY), RADIO)) == (
        f"made anew; two at once are not possible, so it breaks for a moment (its receivers); {NOWHERE}"
    )


def test_a_flow_that_is_made_anew() -> None:
    """Its addresses change, and there is a break."""
    wider = replace(NEWS, spec=replace(NEWS.spec, max_bandwidth_bps=20_000_000))

    assert only(planned(wider, output(), RADIO)) == (
        f"addresses change, and the flow breaks for the time between a stop and a start; {NOWHERE}"
    )


def test_a_secret_must_change_at_the_other_end() -> None:
    """Of an edit; what is new is told to nobody who has the old one."""
    old = masked("correct horse")
    found = found_flow(NEWS, found_output(old, versions=1))
    wanted = output(passphrase="battery staple")
    told = replace(wanted, care=replace(wanted.care, contacts=("the tower",)))

    assert only(planned(NEWS, told, found=found)) == (
        "reconnect: its receivers; srt.encryption.passphrase must change at the other end, too: tell the tower"
    )
    assert only(planned(NEWS, told, found=found, rules=EditRules.STRICT_2021)).endswith("too: tell the tower")
    assert effect(Create(key=told.key, at=planned(NEWS, told, found=found).changes[0].at, wanted=told)) == "none"


def test_the_totals_of_a_plan() -> None:
    """Nothing, or how much of each, and how many are connected to it where somebody looked."""
    found = found_flow(NEWS, *(found_output(each) for each in (output(), RADIO, output("third"), output("last"))))
    mixed = planned(NEWS, output(latency_ms=9), output("radio", region=AWAY), output("last"), found=found)
    start = Plan(changes=(Start(key=NEWS.key, at=mixed.changes[0].at),))

    assert totals(mixed) == "1 to reconnect, 1 output to go off air, 1 to get new addresses"
    assert totals(mixed, {"id-tower": 2, "id-radio": 1, "id-third": 0, "other": 9}).endswith(
        "; 3 receivers connected to them now"
    )
    assert totals(planned(found=found)) == "4 outputs to go off air"
    assert totals(start) == totals(Plan(), {"id-tower": 1}) == "nothing"
