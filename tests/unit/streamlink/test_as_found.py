"""The words of the last look before a write; what it lets pass is the contract's."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Delete, Edit, FlowAt, Stop
from reconciler.domain.errors import RejectedError
from reconciler.domain.impact import Impact
from reconciler.domain.marks import Owner
from reconciler.domain.model import FoundFlow, FoundOutput
from reconciler.streamlink.as_found import demand_as_found
from tests.builders import LOCAL, US, flow, found_flow, found_output, output

AT = FlowAt(LOCAL, "news")
TOWER = found_output(output())
NEWS = found_flow(flow(), TOWER)
STOP = Stop(key=flow().key, at=AT, found=NEWS)
DELETE_FLOW = Delete(key=flow().key, at=AT, found=NEWS, impact=Impact.INTERRUPT)
DELETE = Delete(key=output().key, at=AT, found=TOWER, impact=Impact.INTERRUPT)
EDIT = Edit(key=output().key, at=AT, wanted=output(), found=TOWER, differences=(), impact=Impact.RECONNECT)
GUEST = found_output(output("guest"), owner=None)
MAST = found_output(output("mast"))


@pytest.mark.parametrize(
    ("call", "now", "expected"),
    [
        pytest.param(
            DELETE,
            replace(TOWER, mark=None),
            "output/news/tower was not deleted, because our mark is gone from it: somebody gave it back, or took it "
            "over, since it was read; the next plan sees it.",
            id="given back",
        ),
        pytest.param(
            STOP,
            replace(NEWS, outputs=(GUEST, replace(TOWER, mark=None))),
            "flow/news was not stopped, because somebody made or gave back 2 of its outputs (guest, tower) since it "
            "was read; the next plan sees it.",
            id="with outputs of others by now",
        ),
        pytest.param(
            DELETE_FLOW,
            replace(NEWS, outputs=(MAST,)),
            "flow/news was not deleted, because somebody made or gave back 1 of its outputs (mast) since it was read; "
            "the next plan sees it.",
            id="with another output of ours by now",
        ),
        pytest.param(
            EDIT,
            replace(TOWER, live_name="other"),
            "output/news/tower was not edited, because somebody changed it since it was read; the next plan sees it.",
            id="changed",
        ),
        pytest.param(
            STOP,
            replace(NEWS, id="another"),
            "flow/news was not stopped, because somebody changed it since it was read; the next plan sees it.",
            id="another one of that name",
        ),
    ],
)
def test_a_refusal_says_why(call: Edit | Delete | Stop, now: FoundFlow | FoundOutput, expected: str) -> None:
    """What was refused, and what comes next."""
    with pytest.raises(RejectedError) as error:
        demand_as_found(call, now, owner=US)

    assert str(error.value) == expected


@pytest.mark.parametrize(
    ("call", "now"),
    [
        pytest.param(STOP, replace(NEWS, outputs=(TOWER, MAST)), id="a stop, with an output that this pass made"),
        pytest.param(replace(STOP, found=None), replace(NEWS, outputs=(GUEST,)), id="a stop for an output's sake"),
        pytest.param(DELETE_FLOW, replace(NEWS, outputs=()), id="a delete, after that of its outputs"),
        pytest.param(replace(EDIT, found=GUEST), GUEST, id="an edit of what bore no mark"),
    ],
)
def test_what_is_as_it_was_found_goes(call: Edit | Delete | Stop, now: FoundFlow | FoundOutput) -> None:
    """What a pass does itself is nobody's meddling."""
    demand_as_found(call, now, owner=US)


def test_another_owner_is_not_us() -> None:
    """A mark alone does not make a thing ours."""
    with pytest.raises(RejectedError, match="our mark is gone"):
        demand_as_found(replace(STOP, found=None), NEWS, owner=Owner("others"))
