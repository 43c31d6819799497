"""A delete and a create that are likely one thing."""

from dataclasses import replace

import pytest

from reconciler.domain.changes import Create, Delete, FlowAt, Plan
from reconciler.domain.impact import Impact
from reconciler.domain.model import Address, Encryption, Output, OutputKey, OutputSpec, Rtp, Srt
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.domain.safety.renames import renames
from reconciler.domain.secrets import HIDDEN, Secret, SecretValue
from tests.builders import LOCAL, flow, found_flow, found_output, output

AT = FlowAt(LOCAL, "news")


def goes(made: Output) -> Delete:
    """Return its delete."""
    return Delete(key=made.key, at=AT, found=found_output(made), impact=Impact.INTERRUPT)


def comes(made: Output, *, of: str = "news", name: str = "north") -> Create:
    """Return the create of the same under another name."""
    key = OutputKey(of, name)
    return Create(key=key, at=AT, wanted=replace(made, key=key, live_name=name))


def locked(passphrase: SecretValue | None) -> Output:
    """Return an output of ten properties: two of them are its encryption."""
    encryption = None if passphrase is None else Encryption(key_length=16, passphrase=passphrase)
    settings = Srt(mode=SrtMode.LISTENER, encryption=encryption)
    spec = OutputSpec(region=LOCAL, protocol=Protocol.SRT, settings=settings, allowlist=(), max_concurrent=4)
    return replace(output(), spec=spec)


@pytest.mark.parametrize(("differ", "is_one"), [(0, True), (1, True), (2, False)])
def test_nine_tenths_are_enough(differ: int, *, is_one: bool) -> None:
    """Of ten properties one may be another, and not two; name and description do not count."""
    before = locked(Secret("correct horse"))
    settings = before.spec.settings
    assert isinstance(settings, Srt)
    changed = [settings, replace(settings, latency_ms=9), replace(settings, latency_ms=9, stream_id="x")][differ]
    after = replace(before, spec=replace(before.spec, settings=changed, description="another"))

    found = renames(Plan(changes=(goes(before), comes(after))))

    assert [(one.same, one.of) for one in found] == ([(10 - differ, 10)] if is_one else [])


def test_a_masked_secret_is_alike_to_any() -> None:
    """And to nothing else."""
    hidden, known, none = locked(HIDDEN), locked(Secret("correct horse")), locked(None)

    assert renames(Plan(changes=(goes(hidden), comes(known))))
    assert renames(Plan(changes=(goes(hidden), comes(hidden))))
    assert not renames(Plan(changes=(goes(hidden), comes(none))))


def test_each_is_in_one_pair() -> None:
    """The likest is taken; what is in another flow, cannot be said, or is of another kind is none."""
    first, second = goes(output("a")), goes(output("b"))
    near, exact = comes(output(latency_ms=120), name="x"), comes(output(), name="y")
    elsewhere, beyond = (
        comes(output(), of="sport"),
        replace(goes(output("c")), found=replace(found_output(output()), spec=None)),
    )
    gone_flow = Delete(key=flow().key, at=AT, found=replace(found_flow(flow()), spec=None), impact=Impact.NONE)
    new_flow = Create(key=flow("new").key, at=AT, wanted=flow("new"))
    rtp = replace(
        output(), spec=OutputSpec(region=LOCAL, protocol=Protocol.RTP, settings=Rtp(destinations=(Address("a", 1),)))
    )

    found = renames(
        Plan(changes=(first, second, beyond, gone_flow, elsewhere, new_flow, near, exact, comes(rtp, name="z")))
    )

    assert [(one.goes, one.comes.key.name) for one in found] == [(first, "x"), (second, "y")]
    assert not renames(Plan(changes=(beyond, near)))
