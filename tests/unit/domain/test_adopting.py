"""Which live objects are taken over, and what is written for it."""

from dataclasses import replace

import pytest

from reconciler.domain.adopting import adoption, unknown
from reconciler.domain.adoptions import Adopting, Adoption
from reconciler.domain.errors import SecretUnavailableError
from reconciler.domain.impact import Impact
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import (
    Actual,
    Address,
    Care,
    Desired,
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
    OutputSettings,
    Region,
    RtmpAddress,
    RtmpPush,
    Srt,
    Unreadable,
)
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.secrets import HIDDEN, Secret, SecretRef, SecretSource, SecretValue
from tests.builders import LOCAL, US, flow, output

NEWS, TOWER = FlowKey("news"), OutputKey("news", "tower")
OTHERS = Owner("sports-team")


def look_up(ref: SecretRef) -> Secret:
    """Return a value for every name but MISSING."""
    if ref.name == "MISSING":
        raise SecretUnavailableError(ref, "it is not set.")
    return Secret(f"value-of-{ref.name}", version=ref.version)


def ref(name: str = "KEY", version: int = 0) -> SecretRef:
    """Return a reference."""
    return SecretRef(source=SecretSource.ENV, name=name, version=version)


def with_settings(settings: OutputSettings, protocol: Protocol = Protocol.SRT) -> Output:
    """Return the output `tower` with these settings."""
    tower = output()
    return replace(tower, spec=replace(tower.spec, protocol=protocol, settings=settings))


def encrypted(passphrase: SecretValue, *, key_length: int = 16, latency_ms: int = 120) -> Output:
    """Return the output `tower` with an encrypted SRT caller."""
    settings = Srt(
        mode=SrtMode.CALLER,
        latency_ms=latency_ms,
        peer=Address("tower.example", 9000),
        encryption=Encryption(key_length=key_length, passphrase=passphrase),
    )
    return with_settings(settings)


def pushed(*pairs: tuple[str, SecretValue]) -> Output:
    """Return the output `tower` with these destinations of RTMP."""
    destinations = tuple(RtmpAddress(url=url, stream_key=key) for url, key in pairs)
    return with_settings(RtmpPush(destinations=destinations), Protocol.RTMP_PUSH)


def found_output(of: Output, mark: Mark | None = None, id_: str = "o") -> FoundOutput:
    """Return what an account has of an output."""
    return FoundOutput(id=id_, live_name=of.live_name, mark=mark, spec=of.spec)


def found_flow(
    of: Flow, *outputs: FoundOutput, mark: Mark | None = None, state: FlowState = FlowState.IDLE, id_: str = "f"
) -> FoundFlow:
    """Return what an account has of a flow."""
    return FoundFlow(
        id=id_,
        region=of.spec.region,
        live_name=of.live_name,
        mark=mark,
        state=state,
        spec=of.spec,
        outputs=outputs,
        input_addresses=(Address("198.51.100.1", 7000),),
    )


def of(
    resources: list[Flow | Output],
    *flows: FoundFlow,
    chosen: frozenset[Key] | None = None,
    sends_secrets: bool = False,
) -> Adoption:
    """Return the adoption of these resources from an account with these flows."""
    desired = Desired(
        flows=tuple(one for one in resources if isinstance(one, Flow)),
        outputs=tuple(one for one in resources if isinstance(one, Output)),
    )
    terms = Adopting(owner=US, look_up=look_up, chosen=chosen, sends_secrets=sends_secrets)
    return adoption(desired, Actual(regions={LOCAL: flows}), terms)


def keys(found: Adoption) -> list[str]:
    """Return the addresses of what is taken over."""
    return [str(one.edit.key) for one in found.adopted]


def refusals(found: Adoption) -> dict[str, str]:
    """Return what is refused, and why."""
    return {str(one.key): one.why for one in found.refused}


def mark(name: str, owner: Owner = US) -> Mark:
    """Return a mark."""
    return Mark(owner=owner, name=name)


def test_what_bears_no_mark_is_taken_over_as_it_is() -> None:
    """The flow comes before its outputs, nothing but the mark is written, and nobody notices."""
    live = found_flow(flow(latency_ms=200), found_output(output()), state=FlowState.RUNNING)

    found = of([output(), flow()], live)

    assert keys(found) == ["flow/news", "output/news/tower"]
    first = found.adopted[0]
    assert first.edit.only_marks
    assert first.edit.impact is Impact.NONE
    assert first.edit.wanted == flow(latency_ms=200)
    assert [str(one.path) for one in first.differences] == ["input.srt.latency"]
    assert found.adopted[1].differences == ()


def test_another_state_is_said_too() -> None:
    """A plan would start the flow, and adopting does not."""
    found = of([flow()], found_flow(flow()))

    assert [(one.path, one.found, one.wanted) for one in found.adopted[0].differences] == [("state", "idle", "running")]


def test_the_mark_has_the_protection_and_the_versions_of_the_manifest() -> None:
    """Else a plan would find a new secret, or a protection that is not there."""
    wanted = replace(encrypted(ref(version=3)), care=Care(protected=True))

    found = of([flow(), wanted], found_flow(flow(), found_output(encrypted(Secret("value-of-KEY")))))

    change = found.adopted[1].edit.differences[0]
    assert change.wanted == "[gitops:v1 o=local n=tower s=3 p]"
    assert found.adopted[1].differences == ()


def test_a_secret_that_is_another_one_is_said_and_kept() -> None:
    """What is written is the one that was found; where ours cannot be looked up, nothing is said of it but that."""
    live = found_flow(flow(), found_output(encrypted(Secret("quite another"))))

    found = of([flow(), encrypted(ref())], live)
    blind = of([flow(), encrypted(ref("MISSING"))], live)

    assert [one.path for one in found.adopted[1].differences] == ["srt.encryption.passphrase"]
    assert found.adopted[1].edit.wanted == encrypted(Secret("quite another"))
    assert blind.adopted[1].differences == ()
    assert "it is not set" in blind.adopted[1].unresolved


def test_a_secret_without_a_counterpart_has_no_version() -> None:
    """The manifest says no encryption: a plan will say so."""
    found = of([flow(), output()], found_flow(flow(), found_output(encrypted(Secret("canary-canary")))))

    assert found.adopted[1].edit.differences[0].wanted == "[gitops:v1 o=local n=tower]"
    assert len(found.adopted[1].differences) == 2


def test_a_masked_secret_comes_from_the_manifest() -> None:
    """It has to be sent with the mark, where the manifest says the same of all that belongs to it."""
    live = found_flow(flow(), found_output(encrypted(HIDDEN, latency_ms=300)))

    found = of([flow(), encrypted(ref(version=2))], live)

    assert found.adopted[1].edit.wanted == encrypted(Secret("value-of-KEY"), latency_ms=300)
    assert found.adopted[1].sends_secrets
    assert not found.adopted[0].sends_secrets


@pytest.mark.parametrize(
    ("wanted", "live", "why"),
    [
        pytest.param(encrypted(ref(), key_length=32), encrypted(HIDDEN), "keyLength", id="another key length"),
        pytest.param(output(), encrypted(HIDDEN), "passphrase", id="no secret in the manifest"),
        pytest.param(encrypted(ref("MISSING")), encrypted(HIDDEN), "it is not set", id="not to be looked up"),
        pytest.param(
            pushed(("rtmp://a.example/live", ref())), pushed(("rtmp://b.example/live", HIDDEN)), "url", id="another URL"
        ),
    ],
)
def test_a_masked_secret_is_never_guessed(wanted: Output, live: Output, why: str) -> None:
    """Where it may be another one, or is not there, the object stays free."""
    found = of([flow(), wanted], found_flow(flow(), found_output(live)))

    assert keys(found) == ["flow/news"]
    assert refusals(found)["output/news/tower"].startswith("the backend does not tell its secret, and")
    assert why in refusals(found)["output/news/tower"]


def test_a_running_flow_is_sent_masked_secrets_on_request_alone() -> None:
    """A wrong one would cut it off, and nobody can compare."""
    live = found_flow(flow(), found_output(encrypted(HIDDEN)), state=FlowState.RUNNING)

    kept = of([flow(), encrypted(ref())], live)
    sent = of([flow(), encrypted(ref())], live, sends_secrets=True)

    assert "--send-secrets" in refusals(kept)["output/news/tower"]
    assert keys(sent) == ["flow/news", "output/news/tower"]


def test_what_is_ours_or_not_there_is_left_to_apply() -> None:
    """Neither is an error."""
    ours = found_flow(flow(), found_output(output(), mark("tower")), mark=mark("news"))

    found = of([flow(), output(), output("cdn"), flow("sport"), output("cdn", of="sport")], ours)

    assert list(map(str, found.already)) == ["flow/news", "output/news/tower"]
    assert list(map(str, found.absent)) == ["output/news/cdn", "flow/sport", "output/sport/cdn"]
    assert (found.adopted, found.refused) == ((), ())


def test_another_owner_keeps_what_it_has() -> None:
    """The owner is named; a flow's outputs stay with it."""
    guest = found_flow(flow("guest"), found_output(output(of="guest")), mark=mark("guest", OTHERS), id_="g")
    mixed = found_flow(flow(), found_output(output(), mark("tower", OTHERS)))

    found = of([flow("guest"), output(of="guest"), flow(), output()], guest, mixed)

    assert keys(found) == ["flow/news"]
    assert "another owner, 'sports-team'" in refusals(found)["flow/guest"]
    assert refusals(found)["flow/guest"].endswith("; its 1 outputs stay with it")
    assert "another owner, 'sports-team'" in refusals(found)["output/news/tower"]


def test_what_cannot_be_known_is_refused() -> None:
    """Namesakes, regions that are not read, and what manifests cannot describe."""
    away = replace(flow("away").spec, region=Region("eu-frankfurt"))
    mute = replace(found_flow(flow("mute"), id_="m"), spec=None)
    odd = replace(found_output(output("odd")), spec=None)
    desired: list[Flow | Output] = [
        flow("twice"),
        flow("mute"),
        replace(flow("away"), spec=away),
        flow(),
        output("odd"),
        output("same"),
    ]
    live = found_flow(flow(), odd, found_output(output("same")), found_output(output("same"), id_="o2"))

    found = of(desired, found_flow(flow("twice")), found_flow(flow("twice"), id_="f2"), mute, live)
    unread = adoption(
        Desired(flows=(flow(),)),
        Actual(regions={LOCAL: Unreadable(why="no answer")}),
        Adopting(owner=US, look_up=look_up),
    )

    assert refusals(found) == {
        "flow/away": "region eu-frankfurt is not among those that the backend serves or `backend.regions` names",
        "flow/mute": "it uses what manifests cannot describe; nothing of it is changed",
        "flow/twice": "2 flows bear the name 'twice' (f, f2); leave name and mark to one or delete the rest",
        "output/news/odd": "it uses what manifests cannot describe; nothing of it is changed",
        "output/news/same": "2 outputs bear the name 'same' (o, o2); leave name and mark to one or delete the rest",
    }
    assert refusals(unread) == {"flow/news": "region local could not be read: no answer"}


def test_only_what_is_chosen_is_taken_over() -> None:
    """A flow stands for its outputs; an output alone needs a flow that is ours."""
    free = found_flow(flow(), found_output(output()), found_output(output("cdn"), id_="o2"))
    ours = replace(free, mark=mark("news"))
    sport = found_flow(flow("sport"), id_="s")
    tree: list[Flow | Output] = [flow(), output(), output("cdn"), flow("sport")]

    whole = of(tree, free, sport, chosen=frozenset({NEWS}))
    alone = of(tree, free, sport, chosen=frozenset({TOWER}))
    one = of(tree, ours, sport, chosen=frozenset({TOWER}))

    assert keys(whole) == ["flow/news", "output/news/cdn", "output/news/tower"]
    assert keys(alone) == []
    assert "adopt flow/news" in refusals(alone)["output/news/tower"]
    assert keys(one) == ["output/news/tower"]
    assert one.already == ()


def test_what_is_chosen_must_have_a_manifest() -> None:
    """An account's own name is none."""
    desired = Desired(flows=(flow(),), outputs=(output(),))

    assert unknown(desired, {NEWS, TOWER, FlowKey("sport")}) == (FlowKey("sport"),)


@pytest.mark.parametrize(("called", "differs"), [("sport", False), ("talk", True)])
def test_a_link_is_the_address_that_it_stands_for(called: str, *, differs: bool) -> None:
    """Where the flow that it calls is not there, the link itself is what differs."""
    link = Srt(mode=SrtMode.CALLER, peer=FlowLink(FlowKey(called)))
    live = Srt(mode=SrtMode.CALLER, peer=Address("198.51.100.1", 7000))
    sport = found_flow(flow("sport"), id_="s", mark=mark("sport"))

    found = of(
        [flow(), with_settings(link), flow("sport"), flow("talk")],
        found_flow(flow(), found_output(with_settings(live))),
        sport,
    )

    assert bool(found.adopted[1].differences) is differs
