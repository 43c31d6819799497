"""A live account in the words of manifests."""

from dataclasses import replace

import pytest

from reconciler.domain.exporting import Export, Scope, Wish, export, named, secret_prefix, without
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.model import (
    Actual,
    FlowState,
    FoundFlow,
    FoundOutput,
    OutputKey,
    Region,
    RtmpAddress,
    RtmpPush,
)
from reconciler.domain.protocols import Protocol
from reconciler.domain.secrets import HIDDEN, Secret, SecretRef, SecretSource
from tests.builders import LOCAL, US, flow, output
from tests.fakes.samples import FLOWS, OUTPUTS

OTHERS = Owner("sports-team")
AWAY = Region("eu-frankfurt")


def live(name: str, *outputs: FoundOutput, mark: Mark | None = None, region: Region = LOCAL) -> FoundFlow:
    """Return a flow that people made."""
    spec = replace(flow().spec, region=region)
    return FoundFlow(
        id=f"f-{region}-{name}",
        region=region,
        live_name=name,
        mark=mark,
        state=FlowState.IDLE,
        spec=spec,
        outputs=outputs,
    )


def end(name: str, *, mark: Mark | None = None, passphrase: str | None = None, id_: str = "") -> FoundOutput:
    """Return an output that people made."""
    spec = output(passphrase=passphrase).spec
    return FoundOutput(id=id_ or f"o-{name}", live_name=name, mark=mark, spec=spec)


def marked(name: str, owner: Owner = US, *, versions: int = 0, protected: bool = False, twin: bool = False) -> Mark:
    """Return a mark."""
    return Mark(owner=owner, name=name, secret_versions=versions, protected=protected, twin=twin)


def of(*flows: FoundFlow, scope: Scope = Scope.MINE, only: frozenset[str] = frozenset()) -> Export:
    """Return the export of an account with these flows."""
    actual = Actual(regions={LOCAL: tuple(flows)})
    return export(actual, Wish(owner=US, scope=scope, flows=only))


def keys(found: Export) -> list[str]:
    """Return the addresses of what is written."""
    return [
        str(key)
        for one in found.flows
        for key in ([one.flow.key] if one.is_written else []) + [each.key for each in one.outputs]
    ]


def reasons(found: Export) -> list[str]:
    """Return what is left out, and why."""
    return [f"{one.what}: {one.why}" for one in found.left_out]


def test_names_come_from_our_marks_before_live_names() -> None:
    """What is ours keeps its name; what is not gets one that is free, and the live name beside it."""
    found = of(live("news"), live("renamed", mark=marked("news")), live("City News"), live("news", region=AWAY))

    assert sorted(keys(found)) == ["flow/City_News", "flow/news", "flow/news_2", "flow/news_3"]
    assert {one.flow.key.name: one.flow.live_name for one in found.flows}["news"] == "renamed"


def test_a_flow_has_the_same_name_when_it_is_written_alone() -> None:
    """Names are given to all flows, and then some are chosen."""
    found = of(live("a b"), live("a-b"), only=frozenset({"a-b"}))

    assert keys(found) == ["flow/a_b_2"]


def test_the_state_and_the_protection_come_from_the_account() -> None:
    """A mark of ours says what is protected; that of another owner says nothing to us."""
    tower = end("tower", mark=marked("tower", protected=True))
    found = of(
        live("news", tower, mark=marked("news", protected=True)),
        live("guest", mark=marked("guest", OTHERS, protected=True)),
        scope=Scope.ALL,
    )

    guest, news = found.flows
    assert (news.flow.care.protected, news.outputs[0].care.protected, guest.flow.care.protected) == (True, True, False)
    assert news.flow.spec.state is FlowState.IDLE


@pytest.mark.parametrize(
    ("scope", "written"),
    [
        (Scope.MINE, ["flow/free", "output/free/tower", "flow/news", "output/news/by_hand", "output/news/cdn"]),
        (
            Scope.ALL,
            ["flow/free", "output/free/tower", "flow/guest", "flow/news", "output/news/by_hand", "output/news/cdn"],
        ),
        (Scope.UNMARKED, ["flow/free", "output/free/tower", "output/news/by_hand"]),
    ],
)
def test_the_scope_says_whose_objects_are_written(scope: Scope, written: list[str]) -> None:
    """Ours and the free by default; an output without a mark is written also where its flow has a manifest."""
    flows = (
        live("news", end("cdn", mark=marked("cdn")), end("by hand"), mark=marked("news")),
        live("idle", mark=marked("idle")),
        live("free", end("tower")),
        live("guest", mark=marked("guest", OTHERS)),
    )

    found = of(*flows, scope=scope)

    expected = [*written, "flow/idle"] if scope is not Scope.UNMARKED else written
    assert sorted(keys(found)) == sorted(expected)
    others = [one for one in found.left_out if one.is_others]
    assert len(others) == (0 if scope is Scope.ALL else 1)


def test_what_cannot_be_said_is_left_out_with_the_reason() -> None:
    """Namesakes, twins, and what manifests have no words for."""
    odd = replace(end("odd"), spec=None, beyond="it is of the protocol RIST, which manifests do not have")
    found = of(
        live("twice", region=AWAY),
        replace(live("twice", region=AWAY), id="f-other"),
        live("news", odd, end("same"), end("same", id_="o-2"), end("new", mark=marked("cdn", twin=True))),
        replace(live("mute"), spec=None),
    )

    assert keys(found) == ["flow/news"]
    namesakes = "bear this name ({}); rename or delete all but one"
    assert sorted(reasons(found)) == [
        "flow 'mute' in local: manifests cannot describe it",
        *["flow 'twice' in eu-frankfurt: 2 " + namesakes.format("f-eu-frankfurt-twice, f-other")] * 2,
        (
            "output 'new' of flow 'news' in local: "
            "it is a twin, made to take the place of another one, which is still in use"
        ),
        "output 'odd' of flow 'news' in local: it is of the protocol RIST, which manifests do not have",
        *["output 'same' of flow 'news' in local: 2 " + namesakes.format("o-2, o-same")] * 2,
    ]


def test_secrets_become_references_of_their_own() -> None:
    """Names are unique, say whose they are, and the first has the versions of our mark."""
    key = RtmpAddress(url="rtmp://cdn.example/live", stream_key=Secret("canary-1"))
    hidden = RtmpAddress(url="rtmp://cdn.example/live", stream_key=HIDDEN)
    push = replace(
        end("b_c"),
        spec=replace(output().spec, protocol=Protocol.RTMP_PUSH, settings=RtmpPush(destinations=(key, hidden))),
    )
    found = of(
        live("a", replace(push, mark=marked("b_c", versions=7)), mark=marked("a")),
        live("a_b", end("c", passphrase="canary-canary"), mark=marked("a_b")),
    )

    names = [(str(one.ref), one.ref.version, one.path, one.value is None) for one in found.secrets]
    assert names == [
        ("env:STREAM_A_B_C_KEY", 7, "rtmpPush.destinations[0].streamKey", False),
        ("env:STREAM_A_B_C_KEY_2", 0, "rtmpPush.destinations[1].streamKey", True),
        ("env:STREAM_A_B_C_PASSPHRASE", 0, "srt.encryption.passphrase", False),
    ]


def test_references_may_be_files() -> None:
    """Then their names are those of files."""
    actual = Actual(regions={LOCAL: (live("News", end("tower", passphrase="canary-canary")),)})

    found = export(actual, Wish(owner=US, secrets=SecretSource.FILE))

    (secret,) = found.secrets
    assert secret.ref == SecretRef(source=SecretSource.FILE, name="news_tower_passphrase")


def test_every_secret_of_every_protocol_is_found() -> None:
    """No value is left in what is written."""
    flows = tuple(
        FoundFlow(
            id=one.key.name,
            region=one.spec.region,
            live_name=one.live_name,
            mark=None,
            state=FlowState.IDLE,
            spec=one.spec,
            outputs=tuple(
                FoundOutput(id=str(each.key), live_name=each.live_name, mark=None, spec=each.spec)
                for each in OUTPUTS
                if each.key.flow_key == one.key
            ),
        )
        for one in FLOWS
    )

    found = of(*flows)

    assert len(found.secrets) == 6
    assert "***" not in repr([(one.flow, one.outputs) for one in found.flows])


def test_what_is_refused_later_is_taken_out_again() -> None:
    """A flow takes its outputs with it, an output goes alone, and its secrets are no longer to be set."""
    tower = end("tower", passphrase="canary-canary")
    found = of(live("news", tower, end("cdn")), live("sport", end("tower")), live("talk"))

    left = without(
        found, {OutputKey("news", "tower"): "bad", found.flows[1].flow.key: "worse", found.flows[2].flow.key: "worst"}
    )

    assert keys(left) == ["flow/news", "output/news/cdn"]
    assert left.secrets == ()
    assert reasons(left) == [
        "output 'tower' of flow 'news' in local: bad",
        "flow 'sport' in local: worse; its 1 outputs are left out with it",
        "flow 'talk' in local: worst",
    ]


def test_flows_that_are_asked_for_are_known_by_live_name_or_by_our_mark() -> None:
    """Another owner's mark names nothing."""
    actual = Actual(
        regions={LOCAL: (live("City News", mark=marked("news")), live("x", mark=marked("guest", OTHERS)), live("y"))}
    )

    missing = named(actual, Wish(owner=US, flows=frozenset({"City News", "news", "guest", "y", "z"})))

    assert missing == {"guest", "z"}


@pytest.mark.parametrize(
    ("patterns", "prefix"),
    [
        (("LIVE_*", "STREAM_*"), "STREAM_"),
        (("ONE", "*_X", "A*B*", "LIVE_*"), "LIVE_"),
        ((), "STREAM_"),
    ],
)
def test_variables_begin_as_the_settings_allow(patterns: tuple[str, ...], prefix: str) -> None:
    """The default where it is allowed, else the first pattern that only has a beginning."""
    assert secret_prefix(patterns) == prefix
