"""What one revision changes after another one."""

from dataclasses import replace

from reconciler.domain.changes import Action, Hold
from reconciler.domain.comparing import compare
from reconciler.domain.impact import Capabilities, Impact
from reconciler.domain.model import Desired, Encryption, FlowKey, FlowLink, FlowState, Output, Region, Srt
from reconciler.domain.policies import Policies
from reconciler.domain.secrets import SecretRef
from tests.builders import flow, output
from tests.unit.domain.rules.worlds import env

CAPABILITIES = Capabilities()
AWAY = Region("eu-frankfurt")


def actions(base: Desired, head: Desired) -> list[tuple[str, Action, Impact]]:
    """Return the changes, each as resource, action and impact."""
    plan = compare(base, head, policies=Policies(), capabilities=CAPABILITIES)
    assert not plan.blocked
    assert not plan.waiting
    return [(str(change.key), change.action, change.impact) for change in plan.changes]


SAME = Desired(flows=(flow(),), outputs=(output(),))


def test_the_same_changes_nothing() -> None:
    """Every resource counts as unchanged."""
    plan = compare(SAME, SAME, policies=Policies(), capabilities=CAPABILITIES)

    assert plan.is_empty
    assert plan.unchanged == 2


def test_what_comes_and_what_goes() -> None:
    """A new output interrupts nobody; one that goes ends for its receivers."""
    other = output("studio")

    assert actions(SAME, Desired(flows=(flow(),), outputs=(output(), other))) == [
        ("output/news/studio", Action.CREATE, Impact.NONE)
    ]
    assert actions(Desired(flows=(flow(),), outputs=(output(), other)), SAME) == [
        ("output/news/studio", Action.DELETE, Impact.INTERRUPT)
    ]


def test_an_edit_has_its_impact() -> None:
    """As it would on the backend."""
    head = Desired(flows=(flow(),), outputs=(output(latency_ms=500),))

    assert actions(SAME, head) == [("output/news/tower", Action.EDIT, Impact.RECONNECT)]


def test_an_idle_flow_disturbs_nobody() -> None:
    """Nor does one that waits for its first output."""
    idle = flow(state=FlowState.IDLE)

    assert actions(
        Desired(flows=(idle,), outputs=(output(),)), Desired(flows=(idle,), outputs=(output(latency_ms=500),))
    ) == [("output/news/tower", Action.EDIT, Impact.NONE)]
    sport = (flow("sport"), output(of="sport"))
    both = Desired(flows=(flow(), sport[0]), outputs=(sport[1],))
    assert actions(both, Desired(flows=sport[:1], outputs=sport[1:])) == [("flow/news", Action.DELETE, Impact.NONE)]


def test_another_region_is_a_recreate() -> None:
    """Also a region that nothing was in before."""
    away = flow(region=AWAY)

    assert actions(SAME, Desired(flows=(away,), outputs=(output(),))) == [
        ("flow/news", Action.RECREATE, Impact.RECREATE)
    ]


def test_what_an_apply_would_hold_back_is_held_back() -> None:
    """A pull request that leaves not a single flow is not asked for its deletes; every object counts as one."""
    many = tuple(flow(f"flow{number}") for number in range(4))
    kept = tuple(output(of=each.key.name) for each in many)
    gone = tuple(output("radio", of=each.key.name) for each in many[:3])

    none_left = compare(SAME, Desired(), policies=Policies(), capabilities=CAPABILITIES)
    quarter = actions(Desired(flows=many, outputs=(*kept, *gone)), Desired(flows=many, outputs=(*kept, *gone[2:])))

    assert [(str(held.key), held.hold) for held in none_left.blocked] == [("flow/news", Hold.TREE)]
    assert quarter == [
        ("output/flow0/radio", Action.DELETE, Impact.INTERRUPT),
        ("output/flow1/radio", Action.DELETE, Impact.INTERRUPT),
    ]


def test_secrets_are_compared_by_reference_and_version() -> None:
    """Nothing is resolved."""
    base, same, other, newer = (
        Desired(flows=(flow(),), outputs=(_secured(env("STREAM_A")),)),
        Desired(flows=(flow(),), outputs=(_secured(env("STREAM_A")),)),
        Desired(flows=(flow(),), outputs=(_secured(env("STREAM_B")),)),
        Desired(flows=(flow(),), outputs=(_secured(env("STREAM_A", version=1)),)),
    )

    assert actions(base, same) == []
    edit = [("output/news/tower", Action.EDIT, Impact.RECONNECT)]
    assert actions(base, other) == actions(base, newer) == edit


def test_links_are_compared_by_the_flow_that_they_name() -> None:
    """No address is needed, also of a flow that is new."""
    both = (flow(), flow("archive"))
    linked = _calling("archive")

    assert actions(Desired(flows=both, outputs=(linked,)), Desired(flows=both, outputs=(linked,))) == []
    assert ("output/news/tower", Action.CREATE, Impact.NONE) in actions(
        Desired(), Desired(flows=both, outputs=(linked,))
    )


def _secured(secret: SecretRef) -> Output:
    made = output()
    assert isinstance(made.spec.settings, Srt)
    settings = replace(made.spec.settings, encryption=Encryption(key_length=16, passphrase=secret))
    return replace(made, spec=replace(made.spec, settings=settings))


def _calling(name: str) -> Output:
    made = output()
    assert isinstance(made.spec.settings, Srt)
    settings = replace(made.spec.settings, peer=FlowLink(FlowKey(name)))
    return replace(made, spec=replace(made.spec, settings=settings))
