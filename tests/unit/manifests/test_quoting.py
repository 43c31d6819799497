"""Which lines may be shown."""

import textwrap

import pytest

from reconciler.manifests.loader import load
from reconciler.manifests.quoting import Quoter
from reconciler.manifests.scalars import Scalars

CANARY = "hunter2"


def shown(text: str, line: int) -> str | None:
    """Return a line of a file, if it may be shown."""
    content = text.encode()
    return Quoter(content, load(content, Scalars())).line(line)


def test_a_line_of_ours_is_shown() -> None:
    """Names of properties, and values of those that hold no secret."""
    text = "apiVersion: reconciler/v1\nkind: Flow\nmetadata: {name: news}\nspec:\n  region: ap-singapor\n"

    assert shown(text, 5) == "  region: ap-singapor"
    assert shown(text, 3) == "metadata: {name: news}"


def test_a_comment_is_cut_off() -> None:
    """People keep old passwords there; one that begins without a blank takes its line with it."""
    assert shown(f"kind: Flow\nspec:\n  region: x # was {CANARY}\n", 3) == "  region: x"
    assert shown(f"kind: Flow\nspec:\n  # {CANARY}\n  region: x\n", 3) == ""
    assert shown(f"kind: Flow\nspec: {{region: 'x'#{CANARY}\n  }}\n", 2) is None


def test_a_later_document_is_found() -> None:
    """Lines are those of the file; after a document that is no YAML nobody knows what stands where."""
    assert shown("kind: Flow\n---\nkind: Output\n", 3) == "kind: Output"
    assert shown("\ufeffkind: Flow\r\n", 1) == "kind: Flow"
    assert shown("kind: {\n---\nkind: Output\n", 3) is None
    assert shown(f"kind: Flow\n---\nspec:\n  passphrase: ! {CANARY}\n  x\n", 4) is None


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (f"srt: {{mode: caller, encryption: {{passphrase: {CANARY}}}}}", 1),
        (f"srt: {{streamKey: {CANARY}, mode: caller}}", 1),
        (f"srt: {{mode: caller, name: {CANARY}}}", 1),
        (f"srt: {{latency: [9, {CANARY}]}}", 1),
        (f"srt:\n  destination: {{host: 'rtmp://u:{CANARY}@x/a', port: 9}}", 2),
        (f"srt:\n  destination: {{host: 'u@{CANARY}', port: 9}}", 2),
        (f"rtmpPush:\n  destinations:\n    - url: rtmp://{CANARY}@x/a", 3),
        (f"allowlist: ['{CANARY}@10.0.0.1']", 1),
        (f"passphrse: {CANARY}", 1),
        (f"{CANARY}: caller", 1),
        (f"{{streamKey:{CANARY}}}", 1),
        (f"labels: {{name: {CANARY}}}", 1),
        (f"description: {CANARY}", 1),
        (f"srt: {{passphrase: two\n  {CANARY}, mode: caller}}", 2),
        (f"description: |\n  some\n  {CANARY}\nregion: x", 3),
        (f"region: x\nregion: {{passphrase: {CANARY}}}", 2),
        (f"region: x\npassphrase: [{CANARY}", 2),
        (f"region: !x {CANARY}", 1),
        (f"region: x\n\x1b{CANARY}", 2),
    ],
)
def test_what_may_be_a_secret_is_not_shown(spec: str, line: int) -> None:
    """Whatever its place: beside another value, over several lines, under a name of nobody's, in what is broken."""
    assert CANARY not in (shown(f"kind: Output\nspec:\n{textwrap.indent(spec, '  ')}\n", line + 2) or "")


def test_what_follows_a_secret_is_shown_again() -> None:
    """Once it begins a line of its own."""
    text = f"kind: Output\nspec:\n  srt:\n    encryption:\n      passphrase: {CANARY}\n  region: x\n"

    assert shown(text, 5) is None
    assert shown(text, 6) == "  region: x"


def test_a_secret_reaches_no_further_than_its_document() -> None:
    """A block at the end of one hides what is before the next, and nothing of it."""
    text = f"kind: Output\nspec:\n  srt:\n    streamId: |\n      {CANARY}\n\n---\nkind: Flow\n"

    lines = [shown(text, line) for line in range(1, 9)]
    assert lines == ["kind: Output", "spec:", "  srt:", *[None] * 4, "kind: Flow"]
