"""The brake: what nobody has looked at does not recreate, and deletes little."""

from dataclasses import replace

from reconciler.domain.changes import Plan
from reconciler.domain.impact import Capabilities
from reconciler.domain.model import Desired, FlowKey
from reconciler.domain.planning import plan
from reconciler.domain.resolution import Resolved
from reconciler.domain.safety import brake
from tests.builders import US, actual, flow, found_flow, found_output, output, resolved

NEWS, SPORT, FILM = flow("news"), flow("sport"), flow("film")
EVERYTHING = actual(found_flow(NEWS, found_output(output())), found_flow(SPORT), found_flow(FILM))


def planned(wanted: Resolved) -> Plan:
    """Plan against three live flows."""
    return plan(wanted, EVERYTHING, owner=US, capabilities=Capabilities())


def test_a_tree_without_a_flow_deletes_nothing() -> None:
    """An empty tree is a wrong folder, whoever asks."""
    wanted = resolved()

    braked = brake(planned(wanted), desired=wanted.desired, deleted_flows=frozenset(), automatic=False)

    assert braked.changes == ()
    assert [str(item.key) for item in braked.blocked] == ["flow/film", "flow/news", "flow/sport"]
    assert "not a single Flow" in braked.blocked[0].why


def test_the_loop_deletes_at_most_one_flow_for_a_revision() -> None:
    """The first doomed flow goes, the second is blocked and named."""
    wanted = resolved(NEWS, output())

    braked = brake(planned(wanted), desired=wanted.desired, deleted_flows=frozenset(), automatic=True)

    assert [str(change.key) for change in braked.changes] == ["flow/film"]
    assert [str(item.key) for item in braked.blocked] == ["flow/sport"]
    assert "flow/film has gone for this one" in braked.blocked[0].why


def test_a_later_pass_of_the_same_revision_deletes_no_second_flow() -> None:
    """What was deleted for a revision counts until the next revision."""
    wanted = resolved(NEWS, output())

    braked = brake(planned(wanted), desired=wanted.desired, deleted_flows={FlowKey("drama")}, automatic=True)

    assert braked.changes == ()
    assert len(braked.blocked) == 2


def test_a_flow_whose_delete_failed_may_be_deleted_again() -> None:
    """The budget counts flows, not tries."""
    wanted = resolved(NEWS, output())

    braked = brake(planned(wanted), desired=wanted.desired, deleted_flows={FlowKey("film")}, automatic=True)

    assert [str(change.key) for change in braked.changes] == ["flow/film"]


def test_the_loop_never_recreates_and_apply_does() -> None:
    """What changes addresses is done only where somebody asked for it."""
    wider = replace(NEWS, spec=replace(NEWS.spec, max_bandwidth_bps=20_000_000))
    wanted = resolved(wider, output(), SPORT, FILM)

    looped = brake(planned(wanted), desired=wanted.desired, deleted_flows=frozenset(), automatic=True)
    asked = brake(planned(wanted), desired=wanted.desired, deleted_flows=frozenset(), automatic=False)

    assert looped.changes == ()
    assert "never recreates" in looped.blocked[0].why
    assert [str(change.key) for change in asked.changes] == ["flow/news"]


def test_a_tree_whose_flows_lack_only_their_secrets_is_not_empty() -> None:
    """The whole tree counts, not only what could be resolved."""
    whole = Desired(flows=(NEWS,))

    braked = brake(planned(resolved()), desired=whole, deleted_flows=frozenset(), automatic=False)

    assert braked.blocked == ()
