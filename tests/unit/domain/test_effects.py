"""What is noticed of a change, in words."""

from dataclasses import replace
from typing import Final

import pytest

from reconciler.domain.changes import Create, Plan, Start
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
    """How many outputs it puts off air, where that is known."""
    whole = only(planned(found=BOTH))
    strict = only(planned(NEWS, output(latency_ms=9), RADIO, rules=EditRules.STRICT_2021))
    idle = only(planned(flow(state=FlowState.IDLE), output(), RADIO))

    assert whole == "flow stops: 2 outputs off air"
    assert strict == "flow stops: 1 output off air"
    assert idle == "flow stops: its outputs go off air"


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
