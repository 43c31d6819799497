"""What is on air, or not proven to be off air."""

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.changes import Action, Call, Create, Delete, Edit, FlowAt, Sequence, Start, Stop
from reconciler.domain.impact import Impact
from reconciler.domain.model import FlowState, FoundFlow
from reconciler.domain.safety.limits import Limits
from reconciler.domain.safety.on_air import (
    Disturbed,
    End,
    Sample,
    carrying,
    delivers,
    disturbed_by,
    made_since,
    on_air,
)
from tests.builders import LOCAL, flow, found_flow, found_output, output

AT: Final = FlowAt(LOCAL, "news")
LIMITS: Final = Limits()
TOWER, RADIO = found_output(output()), found_output(output("radio"))
NEWS: Final = found_flow(flow(), TOWER, RADIO)
ONE: Final = Disturbed(outputs=frozenset({TOWER.id}), whole=False)
WHOLE: Final = Disturbed(outputs=frozenset(), whole=True)


def end(bitrate_bps: int = 0, *, is_connected: bool = True, is_input: bool = False, is_idle: bool = False) -> End:
    """Return what a sample says of an end."""
    return End(is_input=is_input, is_connected=is_connected, bitrate_bps=bitrate_bps, is_idle=is_idle)


def sample(at_s: float, **ends: End) -> Sample:
    """Return a sample; `tower`, `radio` and `input` name the ends."""
    ids = {"tower": TOWER.id, "radio": RADIO.id, "input": "in"}
    return Sample(at_s=at_s, ends={ids[name]: each for name, each in ends.items()})


DEAD: Final = end(0)
STILL: Final = end(0, is_connected=False, is_idle=True)
STILL_INPUT: Final = replace(STILL, is_input=True)


@pytest.mark.parametrize(
    ("first", "last", "names"),
    [
        pytest.param(sample(0, tower=DEAD), sample(5, tower=DEAD), (), id="twice off air, 5 s apart"),
        pytest.param(sample(0, tower=DEAD), sample(4.9, tower=DEAD), ("output tower",), id="too soon"),
        pytest.param(None, sample(5, tower=DEAD), ("output tower",), id="once is no proof"),
        pytest.param(sample(0, tower=DEAD), None, ("output tower",), id="a status that cannot be read"),
        pytest.param(None, None, ("output tower",), id="nobody looked"),
        pytest.param(sample(0), sample(5, tower=DEAD), ("output tower",), id="not known then"),
        pytest.param(sample(0, tower=DEAD), sample(5), ("output tower",), id="not known now"),
        pytest.param(sample(0, tower=end(100_001)), sample(5, tower=DEAD), ("output tower",), id="on air then"),
        pytest.param(sample(0, tower=DEAD), sample(5, tower=end(100_001)), ("output tower",), id="on air now"),
        pytest.param(sample(0, tower=end(100_000)), sample(5, tower=end(100_000)), (), id="under the floor"),
        pytest.param(
            sample(0, tower=DEAD),
            sample(5, tower=end(9_000_000, is_connected=False)),
            (),
            id="a bitrate without a connection",
        ),
        pytest.param(sample(0, tower=DEAD), sample(5, tower=DEAD, radio=end(900_000)), (), id="a sibling on air"),
    ],
)
def test_off_air_takes_two_proofs(first: Sample | None, last: Sample | None, names: tuple[str, ...]) -> None:
    """Everything else of a running flow is on air."""
    assert on_air(ONE, NEWS, first, last, LIMITS) == names


def ends_of(*, is_input: bool) -> st.SearchStrategy[End]:
    """Return ends of one kind."""
    return st.builds(
        End,
        is_input=st.just(is_input),
        is_connected=st.booleans(),
        bitrate_bps=st.integers(0, 200_000),
        is_idle=st.booleans(),
    )


told = st.fixed_dictionaries(
    {},
    optional={
        TOWER.id: ends_of(is_input=False),
        RADIO.id: ends_of(is_input=False),
        "input": ends_of(is_input=True),
    },
)
samples = st.none() | st.builds(Sample, at_s=st.floats(0, 20), ends=told)


@given(first=samples, last=samples, state=st.sampled_from(FlowState))
def test_nothing_is_off_air_without_proof(first: Sample | None, last: Sample | None, state: FlowState) -> None:
    """Two samples that know it, far enough apart, neither of which sees it carry; or a flow that both say is idle."""
    found = on_air(ONE, replace(NEWS, state=state), first, last, LIMITS)

    if found == ():
        assert last is not None
        is_still = {TOWER.id, "input"} <= last.ends.keys() and all(each.is_idle for each in last.ends.values())
        if state is FlowState.RUNNING or not is_still:
            assert first is not None
            assert last.at_s - first.at_s >= LIMITS.sample_gap_s
            assert not first.ends[TOWER.id].carries(LIMITS)
            assert not last.ends[TOWER.id].carries(LIMITS)


def test_an_idle_flow_is_off_air_where_its_ends_agree() -> None:
    """Somebody may have started it since it was observed."""
    idle = replace(NEWS, state=FlowState.IDLE)
    still = {"tower": STILL, "radio": STILL, "input": STILL_INPUT}

    assert on_air(WHOLE, idle, None, sample(0, **still), LIMITS) == ()
    assert on_air(WHOLE, NEWS, None, sample(0, **still), LIMITS) != ()
    assert on_air(WHOLE, idle, None, sample(0, **{**still, "radio": DEAD}), LIMITS) != ()
    assert on_air(WHOLE, idle, None, None, LIMITS) != ()


@pytest.mark.parametrize(
    ("disturbed", "told", "names"),
    [
        pytest.param(ONE, {}, ("output tower",), id="nothing at all"),
        pytest.param(ONE, {"tower": STILL}, ("output tower",), id="not the input"),
        pytest.param(ONE, {"radio": STILL, "input": STILL_INPUT}, ("output tower",), id="not what is disturbed"),
        pytest.param(ONE, {"tower": STILL, "input": STILL_INPUT}, (), id="all that counts for one output"),
        pytest.param(
            WHOLE,
            {"tower": STILL, "input": STILL_INPUT},
            ("the input", "output tower", "output radio"),
            id="not every output of the whole",
        ),
    ],
)
def test_an_idle_flow_is_off_air_by_what_is_told_of_it(
    disturbed: Disturbed, told: dict[str, End], names: tuple[str, ...]
) -> None:
    """A status that leaves out the input, or what is disturbed, does not say that they stand still."""
    assert on_air(disturbed, replace(NEWS, state=FlowState.IDLE), None, sample(0, **told), LIMITS) == names


def test_a_whole_flow_is_its_input_and_all_outputs() -> None:
    """An input that no sample tells of is never proven to be off air."""
    dead = {"tower": DEAD, "radio": DEAD, "input": end(is_input=True)}
    known = sample(0, **dead), sample(5, **dead)
    unknown = sample(0, tower=DEAD, radio=DEAD), sample(5, tower=DEAD, radio=DEAD)

    assert on_air(WHOLE, NEWS, *known, LIMITS) == ()
    assert on_air(WHOLE, NEWS, *unknown, LIMITS) == ("the input",)
    assert on_air(WHOLE, NEWS, None, None, LIMITS) == ("the input", "output tower", "output radio")


def test_an_output_that_was_not_observed_has_no_name() -> None:
    """It may have come since."""
    new = Disturbed(outputs=frozenset({"new"}), whole=False)

    assert on_air(new, NEWS, None, None, LIMITS) == ("an output of news",)


def test_one_sample_shows_what_carries() -> None:
    """What it does not know carries nothing by it."""
    seen = sample(0, tower=end(200_000), radio=end(5), input=end(200_000, is_input=True))

    assert carrying(ONE, NEWS, seen, LIMITS) == ("output tower",)
    assert carrying(WHOLE, NEWS, seen, LIMITS) == ("the input", "output tower")
    assert carrying(ONE, NEWS, sample(0), LIMITS) == ()


@pytest.mark.parametrize(
    ("bitrate_bps", "like_bps", "does"),
    [(900_000, 1_000_000, True), (899_999, 1_000_000, False), (100_000, 0, False), (100_001, 0, True)],
)
def test_a_new_one_delivers_like_the_old(bitrate_bps: int, like_bps: int, *, does: bool) -> None:
    """With nine tenths of its bitrate, and on air at all."""
    seen = sample(0, tower=end(bitrate_bps), radio=end(like_bps))

    assert delivers(TOWER.id, seen, LIMITS, like={RADIO.id}) is does


def test_nothing_delivers_like_what_no_sample_tells_of() -> None:
    """Nobody knows what the old one carries, or the new one does not show up at all."""
    assert not delivers(TOWER.id, sample(0, tower=end(9_000_000)), LIMITS, like={RADIO.id})
    assert not delivers(TOWER.id, sample(0, radio=DEAD), LIMITS, like={RADIO.id})


KEY: Final = output().key
EDIT: Final = Edit(key=KEY, at=AT, wanted=output(), found=TOWER, differences=(), impact=Impact.RECONNECT)
DELETE: Final = Delete(key=KEY, at=AT, found=RADIO, impact=Impact.NONE)


def whole(*calls: Call) -> Sequence:
    """Return one change of several calls."""
    return Sequence(
        key=flow().key, at=AT, action=Action.EDIT, calls=calls, differences=(), impact=Impact.INTERRUPT, why=""
    )


@pytest.mark.parametrize(
    ("change", "outputs", "is_whole"),
    [
        (Create(key=KEY, at=AT, wanted=output()), set(), False),
        (Start(key=flow().key, at=AT), set(), False),
        (Stop(key=flow().key, at=AT), set(), True),
        (EDIT, {TOWER.id}, False),
        (replace(EDIT, impact=Impact.NONE), set(), False),
        (DELETE, {RADIO.id}, False),
        (Delete(key=flow().key, at=AT, found=NEWS, impact=Impact.NONE), set(), True),
        (replace(EDIT, key=flow().key, wanted=flow(), found=NEWS), set(), True),
        (whole(EDIT, DELETE), {TOWER.id, RADIO.id}, False),
        (whole(Stop(key=flow().key, at=AT), replace(EDIT, impact=Impact.NONE)), set(), True),
    ],
)
def test_what_a_change_disturbs(change: Call | Sequence, outputs: set[str], *, is_whole: bool) -> None:
    """A delete disturbs whatever its impact is said to be, for its flow may have been started since."""
    found = disturbed_by(change)

    assert (found.outputs, found.whole) == (outputs, is_whole)
    assert found.is_nothing is not bool(outputs or is_whole)


STOP: Final = Stop(key=flow().key, at=AT)
"""Without a word of what is stopped."""


@pytest.mark.parametrize(
    ("change", "listed", "since"),
    [
        pytest.param(replace(STOP, found=NEWS), NEWS, ("new",), id="a stop of both"),
        pytest.param(
            replace(STOP, found=replace(NEWS, outputs=(TOWER,))), NEWS, (RADIO.id, "new"), id="listed again since"
        ),
        pytest.param(whole(replace(STOP, found=NEWS), EDIT), NEWS, ("new",), id="a stop among other calls"),
        pytest.param(whole(STOP, DELETE), NEWS, ("new",), id="the flow as it was listed"),
        pytest.param(
            whole(replace(STOP, found=replace(NEWS, id="other", outputs=()))), NEWS, ("new",), id="of another flow"
        ),
    ],
)
def test_what_was_made_since_a_change_was_planned(
    change: Call | Sequence, listed: FoundFlow, since: tuple[str, ...]
) -> None:
    """Outputs alone, and by what the change says that it found."""
    seen = sample(0, tower=DEAD, radio=DEAD, input=end(is_input=True))
    more = replace(seen, ends={**seen.ends, "new": DEAD})

    assert made_since(change, listed, more) == since
