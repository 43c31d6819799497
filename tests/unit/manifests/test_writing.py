"""Manifests as text."""

from dataclasses import replace

import pytest

from reconciler.domain.model import Care, DriftMode, Encryption, FlowKey, FlowLink, Srt
from reconciler.domain.protocols import SrtMode
from reconciler.domain.secrets import Secret
from reconciler.manifests.writing import ManifestWriter
from tests.builders import flow, output

WRITER = ManifestWriter()


def test_what_is_default_is_left_out() -> None:
    """A document says what differs, in block style, with addresses in one line."""
    assert WRITER.document(output(), region="local") == (
        "apiVersion: reconciler/v1\n"
        "kind: Output\n"
        "metadata:\n"
        "  name: tower\n"
        "spec:\n"
        "  flow: news\n"
        "  protocol: SRT\n"
        "  srt:\n"
        "    mode: caller\n"
        "    destination: {host: tower.example, port: 9000}\n"
    )


def test_how_a_resource_is_treated_is_written() -> None:
    """Labels, contacts, protection, redundancy and what is done about drift stand in the metadata."""
    care = Care(
        contacts=("ops",),
        protected=True,
        redundancy_group="cup",
        labels=(("event", "final"),),
        drift=DriftMode.CORRECT_WHEN_OFF_AIR,
    )

    text = WRITER.document(replace(flow(), care=care))

    assert (
        "metadata:\n  name: news\n  labels:\n    event: final\n  contacts:\n  - ops\n"
        "  protect: true\n  redundancyGroup: cup\n  drift: correctWhenOffAir\n"
    ) in text


def test_a_link_names_the_flow() -> None:
    """A destination may be another flow; another region than the flow's is said."""
    settings = Srt(mode=SrtMode.CALLER, peer=FlowLink(FlowKey("sport")))

    text = WRITER.document(replace(output(), spec=replace(output().spec, settings=settings)), region="eu-frankfurt")

    assert "destination: {flow: sport}" in text
    assert "region: local" in text


def test_a_long_allowlist_has_a_line_for_each_network() -> None:
    """So that a diff shows which one comes or goes."""
    wanted = flow()
    networks = tuple(f"203.0.113.{number}/32" for number in range(4))
    spec = replace(wanted.spec, input=replace(wanted.spec.input, allowlist=networks))

    assert "    allowlist:\n    - 203.0.113.0/32\n" in WRITER.document(replace(wanted, spec=spec))


def test_a_comment_cannot_end_itself() -> None:
    """Whatever a live name holds, the head of a file is comment to its end."""
    text = WRITER.file(["a: 1\n"], head=["flow 'x\nkind: Flow'", "", "y\u2028z"])

    assert [line.startswith("#") for line in text.split("\n")] == [True, True, True, True, False, False]
    assert "\u2028" not in text


def test_a_value_of_a_secret_is_never_written() -> None:
    """It is a bug to try, and nothing comes of it."""
    secret = Encryption(key_length=16, passphrase=Secret("canary-canary"))
    settings = Srt(mode=SrtMode.LISTENER, encryption=secret)

    with pytest.raises(TypeError, match="references"):
        WRITER.document(replace(output(), spec=replace(output().spec, settings=settings)))
