"""What has another name from now on."""

from dataclasses import replace

from reconciler.domain.changes import Action, Edit, Plan
from reconciler.domain.impact import Capabilities, EditRules, Impact
from reconciler.domain.model import Actual, Flow, FlowKey, FoundFlow, Key, Output, OutputKey
from reconciler.domain.moves import key_before, key_now, moved_names
from reconciler.domain.planning import plan
from reconciler.domain.policies import Move
from tests.builders import US, actual, flow, found_flow, found_output, output, resolved
from tests.fakes.account import Account

FOUND = found_flow(flow(), found_output(output()), found_output(output("radio")))


def move(before: Key, now: Key) -> Move:
    """Return a move."""
    return Move(name="one", before=before, now=now)


def planned(*wanted: Flow | Output, moves: tuple[Move, ...], found: Actual) -> Plan:
    """Return the plan."""
    moved = replace(resolved(*wanted), moved=moved_names(moves))
    return plan(moved, found, owner=US, capabilities=Capabilities())


def marks(found: Plan) -> list[tuple[str, object, object]]:
    """Return the renames that a plan holds, which holds nothing else."""
    told: list[tuple[str, object, object]] = []
    for change in found.changes:
        assert isinstance(change, Edit)
        assert change.impact is Impact.NONE
        told.extend((str(change.key), one.found, one.wanted) for one in change.differences if one.path == "name")
    return told


def after(found: Plan, before: FoundFlow) -> Actual:
    """Return what there is when the plan was carried out."""
    regions = actual(before)
    account = Account.of(regions, owner=US, rules=EditRules.LIVE_2023)
    account.carry_out(found.changes)
    return account.seen(regions)


def test_an_output_moves_by_its_mark_alone() -> None:
    """It keeps its live name where the manifest says so; nothing is made or deleted, and then nothing is left to do."""
    moves = (move(output().key, OutputKey("news", "north")),)
    wanted = (flow(), output("north", live_name="tower"), output("radio"))

    found = planned(*wanted, moves=moves, found=actual(FOUND))

    assert marks(found) == [("output/news/north", "tower", "north")]
    assert planned(*wanted, moves=moves, found=after(found, FOUND)).is_empty
    assert planned(*wanted, moves=(), found=after(found, FOUND)).is_empty


def test_an_output_is_found_again_under_its_new_live_name() -> None:
    """Without a live name of its own it is renamed, still by an edit."""
    moves = (move(output().key, OutputKey("news", "north")),)

    found = planned(flow(), output("north"), output("radio"), moves=moves, found=actual(FOUND))

    assert marks(found) == [("output/news/north", "tower", "north")]
    assert planned(flow(), output("north"), output("radio"), moves=moves, found=after(found, FOUND)).is_empty


def test_a_flow_moves_with_its_outputs() -> None:
    """They go with it, one of them to a name of its own, by either name of the flow."""
    wanted = (flow("sport"), output("north", of="sport"), output("radio", of="sport"))
    for flow_then in ("news", "sport"):
        moves = (
            move(FlowKey("news"), FlowKey("sport")),
            move(OutputKey(flow_then, "tower"), OutputKey("sport", "north")),
        )

        found = planned(*wanted, moves=moves, found=actual(FOUND))

        assert marks(found) == [("output/sport/north", "tower", "north"), ("flow/sport", "news", "sport")]
        assert planned(*wanted, moves=moves, found=after(found, FOUND)).is_empty


def test_without_a_move_it_is_another_thing() -> None:
    """One goes, and one comes."""
    found = planned(flow(), output("north"), output("radio"), moves=(), found=actual(FOUND))

    assert [change.action for change in found.changes] == [Action.DELETE, Action.CREATE]


def test_a_move_between_kinds_is_none() -> None:
    """A rule keeps it out of every tree that is applied."""
    assert moved_names([move(FlowKey("news"), OutputKey("news", "tower"))]) == {}


def test_a_former_name_is_found_by_the_one_of_now() -> None:
    """Of a flow, of the outputs of a flow that moved, and of an output that moved as well."""
    moved = moved_names((move(FlowKey("news"), FlowKey("main")), move(OutputKey("news", "a"), OutputKey("main", "b"))))
    assert key_before(FlowKey("main"), moved) == FlowKey("news")
    assert key_before(OutputKey("main", "tower"), moved) == OutputKey("news", "tower")
    assert key_before(OutputKey("main", "b"), moved) == OutputKey("news", "a")
    for key in (FlowKey("news"), OutputKey("news", "tower"), OutputKey("news", "a")):
        assert key_before(key_now(key, moved), moved) == key
    assert key_before(FlowKey("sport"), moved) == FlowKey("sport")
