"""`reconciler signal` and `reconciler probe` as an operator uses them, on an embedded relay that carries media."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.domain.errors import ExitStatus
from tests.functional.conftest import CANARIES, Shop, Started, until

LISTENER = """\
apiVersion: reconciler/v1
kind: Output
metadata: {name: monitor}
spec:
  flow: news
  protocol: SRT
  allowlist: [127.0.0.0/8]
  srt:
    mode: listener
    encryption: {keyLength: 32, passphrase: {env: STREAM_TOWER}}
"""


@pytest.fixture
def carrying(shop: Shop) -> Iterator[Shop]:
    """Lend a folder on which `run` carries a flow with an output that is pulled."""
    (shop.manifests / "tower.yaml").unlink()
    (shop.manifests / "monitor.yaml").write_text(LISTENER)
    run = shop.start("run")
    try:
        until(lambda: bool(run.events("reconcile.pass_finished")), "the first pass")
        yield shop
    finally:
        assert run.stop() == ExitStatus.OK


def what_others_see() -> str:
    """Return every command line, and every environment but those that the test itself gave secrets to."""
    texts: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command_line = (process / "cmdline").read_text(errors="replace")
            texts.append(command_line)
            if "\0-m\0reconciler\0" not in command_line:
                texts.append((process / "environ").read_text(errors="replace"))
        except OSError:
            # It ended while we looked.
            continue
    return "\n".join(texts)


def sending(signal: Started) -> bool:
    """Return whether the test picture is on its way."""
    return "sending" in signal.said()


@pytest.mark.media
def test_a_signal_is_published_and_received(carrying: Shop) -> None:
    """What `signal` publishes arrives at `probe`, whole; a second signal is refused; no passphrase shows anywhere."""
    signal = carrying.start("signal", "flow/news")
    try:
        until(lambda: sending(signal), "the signal")
        probe = carrying.command("probe", "news/monitor", "--seconds", "2", "-o", "json")
        second = carrying.command("signal", "news")
        shown = what_others_see()
    finally:
        status = signal.stop()

    report = json.loads(probe.stdout)
    assert probe.returncode == ExitStatus.OK, probe.stderr
    assert report["frames"] > 25
    assert (report["width"], report["height"], report["discontinuities"]) == (640, 360, 0)
    assert second.returncode == ExitStatus.USAGE
    assert "is connected" in second.stderr
    assert status == 143
    assert "reconciler.relay.programs" in shown
    assert not any(canary in shown for canary in CANARIES.values())


@pytest.mark.media
def test_a_probe_without_a_signal_says_that_nothing_arrived(carrying: Shop) -> None:
    """Nothing received is status 1, in words."""
    probe = carrying.command("probe", "output/news/monitor", "--seconds", "1")

    assert probe.returncode == ExitStatus.ALL_FAILED
    assert "nothing arrived within 20 s" in probe.stdout


def test_a_cloud_account_needs_a_yes(shop: Shop) -> None:
    """A test picture is never put on a cloud account by mistake."""
    signal = shop.command("signal", "news", "--backend", "streamlink")

    assert signal.returncode == ExitStatus.USAGE
    assert "--yes" in signal.stderr


@pytest.mark.usefixtures("relay")
def test_a_relay_without_media_says_so(shop: Shop) -> None:
    """Nobody waits for what cannot come, and nothing sent is no success."""
    shop.command("apply", "--auto-approve")

    status = shop.command("status")
    signal = shop.command("signal", "news", "--seconds", "2")
    probe = shop.command("probe", "news/tower")

    statuses = (ExitStatus.OK, ExitStatus.ALL_FAILED, ExitStatus.ALL_FAILED)
    assert (status.returncode, signal.returncode, probe.returncode) == statuses
    assert all(
        "carries no media (it was started with `--media none`)" in each.stderr for each in (status, signal, probe)
    )
    assert "nothing was sent" in signal.stderr
    assert "nothing can arrive" in probe.stderr


@pytest.mark.media
@pytest.mark.usefixtures("relay")
def test_an_idle_flow_takes_no_signal(shop: Shop) -> None:
    """A flow that does not run is named, with what to do."""
    news = shop.manifests / "news.yaml"
    news.write_text(news.read_text().replace("region: local", "region: local\n  state: idle"))
    shop.command("apply", "--auto-approve")

    signal = shop.command("signal", "news")

    assert signal.returncode == ExitStatus.USAGE
    assert "is idle" in signal.stderr
