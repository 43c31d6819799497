"""Desired state with its secrets."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from reconciler.domain.errors import SecretUnavailableError
from reconciler.domain.model import (
    Credentials,
    Desired,
    Encryption,
    Flow,
    FlowKey,
    FlowSpec,
    FlowState,
    InputSettings,
    InputSpec,
    Output,
    OutputKey,
    OutputSettings,
    OutputSpec,
    Region,
    RtmpAddress,
    RtmpPullSource,
    RtmpPush,
    Rtp,
    RtspSource,
    Srt,
)
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.resolution import resolve, secret_versions
from reconciler.domain.secrets import Secret, SecretRef, SecretSource
from tests import strategies

LOCAL = Region("local")


def ref(name: str, *, version: int = 0) -> SecretRef:
    """Return a reference to an environment variable."""
    return SecretRef(source=SecretSource.ENV, name=name, version=version)


def look_up(wanted: SecretRef) -> Secret:
    """Return a value for every name but MISSING; the names say what is odd about it."""
    if wanted.name == "MISSING":
        raise SecretUnavailableError(wanted, "the environment variable MISSING is not set.")
    values = {"SHORT": "CANARY_9c"[:9], "LONG": "CANARY" * 20, "ACCENT": "CANARY_é_12345"}
    return Secret(values.get(wanted.name, f"value_of_{wanted.name}"), version=wanted.version)


def flow_of(settings: InputSettings, protocol: Protocol = Protocol.SRT) -> Flow:
    """Return a flow with this input."""
    spec = FlowSpec(
        region=LOCAL,
        max_bandwidth_bps=10_000_000,
        state=FlowState.RUNNING,
        input=InputSpec(protocol=protocol, settings=settings),
    )
    return Flow(key=FlowKey("news"), live_name="news", spec=spec)


def output_of(settings: OutputSettings, name: str = "tower") -> Output:
    """Return an output with these settings."""
    spec = OutputSpec(region=LOCAL, protocol=Protocol.SRT, settings=settings)
    return Output(key=OutputKey("news", name), live_name=name, spec=spec)


def encrypted(name: str, *, version: int = 0) -> Srt:
    """Return an SRT listener with a passphrase."""
    return Srt(mode=SrtMode.LISTENER, encryption=Encryption(key_length=16, passphrase=ref(name, version=version)))


def pushing(*names: str) -> RtmpPush:
    """Return the settings that push these keys."""
    return RtmpPush(destinations=tuple(RtmpAddress(url="rtmp://x/a", stream_key=ref(name)) for name in names))


def test_every_reference_is_replaced() -> None:
    """Flows and outputs of every sort have values where they had references."""
    inputs: list[InputSettings] = [
        encrypted("KEY"),
        RtmpPullSource(source=RtmpAddress(url="rtmp://x/a", stream_key=ref("KEY"))),
        RtspSource(url="rtsp://x/1", credentials=Credentials(username="u", password=ref("KEY"))),
    ]
    outputs: list[OutputSettings] = [encrypted("KEY"), pushing("KEY", "KEY")]

    resolved = resolve(Desired(flows=tuple(map(flow_of, inputs)), outputs=tuple(map(output_of, outputs))), look_up)

    assert resolved.failed == ()
    assert "SecretRef" not in repr(resolved)
    first = resolved.desired.outputs[0].spec.settings
    assert isinstance(first, Srt)
    assert first.encryption is not None
    assert first.encryption.passphrase == Secret("value_of_KEY")


@pytest.mark.parametrize("settings", [Srt(mode=SrtMode.LISTENER), Rtp(), RtspSource(url="rtsp://x/1"), None])
def test_what_has_no_secret_stays_as_it_is(settings: InputSettings) -> None:
    """Nothing is looked up for it."""
    desired = Desired(flows=(flow_of(settings),), outputs=(output_of(Srt(mode=SrtMode.LISTENER)), output_of(None)))

    assert resolve(desired, look_up).desired == desired


def test_what_is_resolved_already_stays() -> None:
    """A value is not looked up again."""
    known = Srt(mode=SrtMode.LISTENER, encryption=Encryption(key_length=16, passphrase=Secret("value_known")))

    resolved = resolve(Desired(outputs=(output_of(known),)), look_up)

    assert resolved.desired.outputs[0].spec.settings == known


def test_one_that_cannot_be_resolved_fails_alone() -> None:
    """It is left out and named; its siblings go on, and encryption is never turned off."""
    desired = Desired(
        flows=(flow_of(encrypted("KEY")),),
        outputs=(output_of(encrypted("MISSING"), "a"), output_of(encrypted("KEY"), "b")),
    )

    resolved = resolve(desired, look_up)

    assert [str(output.key) for output in resolved.desired.outputs] == ["output/news/b"]
    assert [str(failed.key) for failed in resolved.failed] == ["output/news/a"]
    assert resolved.failed[0].why == (
        "The secret env:MISSING cannot be used: the environment variable MISSING is not set."
    )


def test_a_flow_fails_alone_too() -> None:
    """The input's secret is the flow's own."""
    resolved = resolve(Desired(flows=(flow_of(encrypted("MISSING")),)), look_up)

    assert resolved.desired.flows == ()
    assert [str(failed.key) for failed in resolved.failed] == ["flow/news"]


@pytest.mark.parametrize("name", ["SHORT", "LONG", "ACCENT"])
def test_a_passphrase_keeps_its_rule(name: str) -> None:
    """10 to 79 ASCII characters; neither the value nor its length is told."""
    resolved = resolve(Desired(outputs=(output_of(encrypted(name)),)), look_up)

    (failed,) = resolved.failed
    assert "10 to 79 ASCII characters" in failed.why
    assert "CANARY" not in failed.why
    assert not {"9 ", "120", "14"} & set(failed.why.replace("10 to 79", "").split())


def test_a_stream_key_may_be_short() -> None:
    """Only passphrases have a length."""
    assert resolve(Desired(outputs=(output_of(pushing("SHORT")),)), look_up).failed == ()


def test_versions_are_summed_before_and_after() -> None:
    """The mark records the same number whether secrets are resolved or not."""
    push = replace(
        pushing(),
        destinations=tuple(RtmpAddress(url="rtmp://x/a", stream_key=ref("KEY", version=n)) for n in (2, 3)),
    )
    desired = Desired(flows=(flow_of(encrypted("KEY", version=4)),), outputs=(output_of(push),))

    resolved = resolve(desired, look_up).desired

    for one in (desired, resolved):
        assert secret_versions(one.flows[0].spec) == 4
        assert secret_versions(one.outputs[0].spec) == 5


def test_every_sort_of_secret_has_its_version() -> None:
    """Pulled keys and passwords count as passphrases do."""
    pull = RtmpPullSource(source=RtmpAddress(url="rtmp://x/a", stream_key=ref("KEY", version=6)))
    login = RtspSource(url="rtsp://x/1", credentials=Credentials(username="u", password=ref("KEY", version=7)))

    assert [secret_versions(flow_of(settings).spec) for settings in (pull, login, Rtp())] == [6, 7, 0]


@settings(deadline=None)
@given(strategies.desireds())
def test_nothing_is_lost(desired: Desired) -> None:
    """With every secret there, resolving changes secrets and nothing else."""
    resolved = resolve(desired, lambda wanted: Secret(f"value_of_{wanted}", version=wanted.version))

    assert resolved.failed == ()
    assert [flow.key for flow in resolved.desired.flows] == [flow.key for flow in desired.flows]
    assert [output.key for output in resolved.desired.outputs] == [output.key for output in desired.outputs]
    for before, after in zip(desired.outputs, resolved.desired.outputs, strict=True):
        assert secret_versions(before.spec) == secret_versions(after.spec)
