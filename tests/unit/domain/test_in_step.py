"""What was in step need not be compared again, and nothing is overlooked for it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.changes import Edit, Failed, Plan
from reconciler.domain.impact import Capabilities
from reconciler.domain.in_step import InStep
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import (
    Address,
    Encryption,
    Flow,
    FlowKey,
    FlowLink,
    FlowState,
    FoundFlow,
    FoundOutput,
    Key,
    Output,
    OutputKey,
    Srt,
)
from reconciler.domain.planning import plan
from reconciler.domain.resolution import Resolved
from reconciler.domain.secrets import HIDDEN, Secret
from tests.builders import US, actual, flow, found_flow, found_output, output, resolved

NEWS, TOWER = flow(), output()
MOVES: Final[tuple[Mapping[Key, Key], ...]] = (
    {},
    {FlowKey("older"): NEWS.key},
    {OutputKey("news", "older"): TOWER.key},
)


def planned(in_step: InStep, wanted: Resolved, *found: FoundFlow) -> Plan:
    """Plan with what the planning before has left."""
    return plan(wanted, actual(*found), owner=US, capabilities=Capabilities(), in_step=in_step)


def test_the_same_values_are_known_to_be_in_step() -> None:
    """A flow that needed nothing is known when it comes again, in equal values for what is wanted."""
    in_step, found = InStep(), found_flow(NEWS, found_output(TOWER))
    first = planned(in_step, resolved(NEWS, TOWER), found)

    assert in_step.holds(replace(NEWS), [replace(TOWER)], found)
    assert planned(in_step, resolved(NEWS, TOWER), found) == first == Plan(unchanged=2)


def test_what_was_changed_is_not_known() -> None:
    """A flow that needs something is none that is in step, nor is one with an output that does."""
    in_step, found = InStep(), found_flow(NEWS, found_output(TOWER))
    other = output(latency_ms=500)

    assert planned(in_step, resolved(NEWS, other), found).changes
    assert not in_step.holds(NEWS, [other], found)


def test_what_is_read_anew_is_compared() -> None:
    """Another value is found, and so what is wanted is held against it, however it was before."""
    in_step = InStep()
    planned(in_step, resolved(NEWS, TOWER), found_flow(NEWS, found_output(TOWER)))
    (edit,) = planned(in_step, resolved(NEWS, TOWER), found_flow(NEWS, found_output(output(latency_ms=500)))).changes

    assert isinstance(edit, Edit)
    assert edit.key == TOWER.key


def test_a_raised_version_of_a_secret_is_seen() -> None:
    """The backend masks the passphrase, and the value that is wanted is the same: its version alone says to send it."""
    wanted = output(passphrase="a secret of ours")
    found = found_flow(NEWS, masked(wanted))
    in_step = InStep()
    assert planned(in_step, resolved(NEWS, wanted), found).is_empty

    (edit,) = planned(in_step, resolved(NEWS, versioned(wanted, 1)), found).changes

    assert isinstance(edit, Edit)
    assert [one.path for one in edit.differences] == ["srt.encryption.passphrase"]


def test_an_output_that_calls_a_flow_follows_it() -> None:
    """Nothing differs in the flow of the caller, and yet its output calls another address by now."""
    edge = flow("edge")
    linked = replace(TOWER, spec=replace(TOWER.spec, settings=Srt(mode=srt(TOWER).mode, peer=FlowLink(edge.key))))
    called = replace(srt(TOWER), peer=Address("127.0.0.1", 20000))
    found = found_flow(NEWS, found_output(replace(TOWER, spec=replace(TOWER.spec, settings=called))))
    there = found_flow(edge)
    moved = replace(there, input_addresses=(Address("127.0.0.1", 20001),))
    in_step, wanted = InStep(), resolved(NEWS, linked, edge)
    assert planned(in_step, wanted, found, there).is_empty

    (edit,) = planned(in_step, wanted, found, moved).changes

    assert edit.key == linked.key


def test_what_failed_to_resolve_is_not_taken_for_wanted() -> None:
    """An output whose secret is missing is left as it is; once no manifest names it any more, it goes."""
    in_step, found = InStep(), found_flow(NEWS, found_output(TOWER), found_output(output("mast")))
    without = replace(resolved(NEWS, TOWER), failed=(Failed(key=OutputKey("news", "mast"), why="no such file"),))
    assert not planned(in_step, without, found).changes

    (delete,) = planned(in_step, resolved(NEWS, TOWER), found).changes

    assert delete.key == OutputKey("news", "mast")


def test_a_move_is_seen() -> None:
    """A flow is known by its live name, and bears the name of before in its mark: that is to be written anew."""
    in_step, found = InStep(), replace(found_flow(NEWS), mark=Mark(owner=US, name="older"))
    assert planned(in_step, resolved(NEWS), found).is_empty
    moved = replace(resolved(NEWS), moved={FlowKey("older"): NEWS.key})

    (edit,) = planned(in_step, moved, found).changes

    assert isinstance(edit, Edit)
    assert [one.path for one in edit.differences] == ["name"]


def test_a_secret_that_is_missing_elsewhere_keeps_nobody_from_being_known() -> None:
    """What is left as it is for want of a secret is in another flow."""
    in_step, found = InStep(), found_flow(NEWS, found_output(TOWER))
    wanted = replace(resolved(NEWS, TOWER), failed=(Failed(key=OutputKey("sport", "mast"), why="no such file"),))
    planned(in_step, wanted, found)

    assert in_step.holds(NEWS, [TOWER], found)


def test_nothing_of_it_is_shown() -> None:
    """What was found has URLs with keys in them."""
    in_step, found = InStep(), replace(found_flow(NEWS), publish_urls=("rtmp://localhost/live/canary",))
    planned(in_step, resolved(NEWS), found)

    assert in_step.holds(NEWS, [], found)
    assert "canary" not in repr(in_step)


def test_flows_that_no_manifest_names_are_forgotten() -> None:
    """Names come and go for years, and another one may take their place."""
    in_step, found, sport = InStep(), found_flow(NEWS), flow("sport")
    planned(in_step, resolved(NEWS), found)
    planned(in_step, resolved(sport), found)

    assert not in_step.holds(NEWS, [], found)


_versions = st.sampled_from([0, 1])
_latencies = st.sampled_from([120, 500])


@st.composite
def trees(draw: st.DrawFn) -> Resolved:
    """Draw a tree of up to two flows with up to two outputs each, with secrets of two versions."""
    resources: list[Flow | Output] = []
    for name in draw(st.sets(st.sampled_from(["news", "sport"]))):
        resources.append(flow(name, state=draw(st.sampled_from(FlowState))))
        for other in draw(st.sets(st.sampled_from(["mast", "tower"]))):
            made = output(other, of=name, latency_ms=draw(_latencies), passphrase="a secret of ours")
            resources.append(versioned(made, draw(_versions)))
    return resolved(*resources)


@st.composite
def plannings(draw: st.DrawFn) -> list[tuple[Resolved, tuple[FoundFlow, ...]]]:
    """Draw what is planned in turn: trees, and the accounts that they would leave, or what others made of those."""
    known = draw(st.lists(trees(), min_size=1, max_size=3))
    accounts = [meddled(draw, account_of(tree)) for tree in known]
    failed = st.sampled_from([(), (OutputKey("news", "mast"),), (OutputKey("sport", "tower"),)])

    def tree() -> Resolved:
        lost = tuple(Failed(key=key, why="no such file") for key in draw(failed))
        chosen = draw(st.sampled_from(known))
        outputs = tuple(each for each in chosen.desired.outputs if each.key not in {one.key for one in lost})
        return replace(
            chosen, desired=replace(chosen.desired, outputs=outputs), failed=lost, moved=draw(st.sampled_from(MOVES))
        )

    return [(tree(), draw(st.sampled_from(accounts))) for _ in range(draw(st.integers(1, 10)))]


def meddled(draw: st.DrawFn, account: tuple[FoundFlow, ...]) -> tuple[FoundFlow, ...]:
    """Return an account as somebody may have left it: other marks, a protection, a twin, an output that is gone."""
    return tuple(
        replace(
            each,
            mark=draw(st.sampled_from([each.mark, None, Mark(owner=Owner("others"), name="x"), *marks("older")])),
            outputs=tuple(
                replace(other, mark=draw(st.sampled_from([other.mark, other.mark, None, *marks("older")])))
                for other in each.outputs
                if draw(st.integers(0, 4))
            ),
        )
        for each in account
    )


def marks(name: str) -> tuple[Mark, ...]:
    """Return marks of ours of a kind that is seldom."""
    plain = Mark(owner=US, name=name)
    return plain, replace(plain, protected=True), replace(plain, twin=True)


@given(plannings())
def test_nothing_is_planned_otherwise(given_in_turn: list[tuple[Resolved, tuple[FoundFlow, ...]]]) -> None:
    """Whatever was planned before: the plan is the one that nobody's memory has a part in."""
    in_step = InStep()
    for tree, found in given_in_turn:
        assert planned(in_step, tree, *found) == planned(InStep(), tree, *found)


def account_of(tree: Resolved) -> tuple[FoundFlow, ...]:
    """Return what the backend has after a tree was applied, with its secrets masked."""
    return tuple(
        found_flow(each, *(masked(other) for other in tree.desired.outputs if other.key.flow_key == each.key))
        for each in tree.desired.flows
    )


def srt(wanted: Output) -> Srt:
    """Return the settings of an output of these tests."""
    assert isinstance(wanted.spec.settings, Srt)
    return wanted.spec.settings


def encryption(wanted: Output) -> Encryption:
    """Return the encryption of an output that has one."""
    found = srt(wanted).encryption
    assert found is not None
    return found


def versioned(wanted: Output, version: int) -> Output:
    """Return the output with the same passphrase in another version."""
    passphrase = Secret("a secret of ours", version=version)
    settings = replace(srt(wanted), encryption=replace(encryption(wanted), passphrase=passphrase))
    return replace(wanted, spec=replace(wanted.spec, settings=settings))


def masked(wanted: Output) -> FoundOutput:
    """Return the output as a backend has it that tells no passphrase; its mark says which version was sent."""
    secret = encryption(wanted).passphrase
    assert isinstance(secret, Secret)
    settings = replace(srt(wanted), encryption=replace(encryption(wanted), passphrase=HIDDEN))
    return FoundOutput(
        id=f"id-{wanted.key.flow}-{wanted.live_name}",
        live_name=wanted.live_name,
        mark=Mark(owner=US, name=wanted.key.name, secret_versions=secret.version),
        spec=replace(wanted.spec, settings=settings),
    )
