"""What is counted, what is read at a scrape, and that the page on metrics names all of it and nothing else."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from reconciler.domain.conditions import Aspect, Reason, Standing
from reconciler.domain.model import FlowKey, OutputKey
from reconciler.domain.orders import Given, Halt, Pause, Pin
from reconciler.ports.telemetry import CallMade, ChangeMade, PassMade
from reconciler.service.gauges import BoardGauges
from reconciler.service.metrics import MOST_CODES, Metrics
from tests.fakes.board import EPOCH, WELL, FakeBoard, condition, status

PAGE: Final = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")
GIVEN: Final = Given(author="anna", reason="a match", at=EPOCH, until=None)
NEWS, TOWER, MAST = FlowKey("news"), OutputKey("news", "tower"), OutputKey("news", "mast")
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def exposed(metrics: Metrics) -> Samples:
    """Return every series of an exposition with its value."""
    content, _ = metrics.exposition("")
    families = text_string_to_metric_families(content.decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value for each in families for sample in each.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """Return the value of one series; None where there is none."""
    return samples.get((name, frozenset(labels.items())))


def watching(board: FakeBoard, *, bitrate_series: int = 500) -> Metrics:
    """Return metrics that read a board."""
    metrics = Metrics()
    metrics.watch(BoardGauges(board, bitrate_series=bitrate_series, is_ready=lambda: True))
    return metrics


def test_what_is_done_is_counted() -> None:
    """Each by its labels."""
    metrics = Metrics()

    metrics.pass_made(PassMade(result="done", duration_s=0.3))
    metrics.pass_made(PassMade(result="failed", duration_s=2.0))
    metrics.change_made(ChangeMade(kind="output", action="delete", result="blocked", reason="on-air"))
    metrics.call_made(CallMade(action="DescribeStreamLinkFlow", code="", waited_s=0.02, duration_s=0.2))
    metrics.webhook_answered("github", "woken")
    with metrics.span("a pass") as span:
        span.note(revision="one")

    samples = exposed(metrics)
    assert value(samples, "reconciler_passes_total", result="done") == 1
    assert value(samples, "reconciler_pass_duration_seconds_bucket", le="0.5") == 1
    assert value(samples, "reconciler_pass_duration_seconds_sum") == 2.3
    assert value(
        samples, "reconciler_changes_total", kind="output", action="delete", result="blocked", reason="on-air"
    ) == 1  # fmt: skip
    assert value(samples, "reconciler_api_calls_total", action="DescribeStreamLinkFlow", code="") == 1
    assert value(samples, "reconciler_api_call_duration_seconds_count", action="DescribeStreamLinkFlow") == 1
    assert value(samples, "reconciler_api_throttle_wait_seconds_sum") == 0.02
    assert value(samples, "reconciler_webhooks_total", forge="github", result="woken") == 1


def test_codes_from_outside_are_bounded() -> None:
    """Whatever a server calls its failures, there are so many series and no more."""
    metrics = Metrics()

    for number in range(MOST_CODES + 5):
        metrics.call_made(CallMade(action="a", code=f"Code{number}", waited_s=0, duration_s=0))

    samples = exposed(metrics)
    assert sum(name == "reconciler_api_calls_total" for name, _ in samples) == MOST_CODES + 1
    assert value(samples, "reconciler_api_calls_total", action="a", code="other") == 5


def test_a_scrape_reads_the_board_as_it_is() -> None:
    """Nothing is kept from one scrape to the next."""
    drifted = condition(Aspect.DRIFTED, Standing.TRUE, Reason.DRIFT)
    board = FakeBoard(
        status(NEWS, pause=Pause(resource=NEWS, given=GIVEN)),
        status(TOWER, condition(), drifted),
        status(MAST, pin=Pin(resource=MAST, revision="a", manifest="", against="", given=GIVEN)),
        vitals=replace(
            WELL,
            trouble="git is down",
            failures=2,
            queue_age_s=7.5,
            halt=Halt(given=GIVEN),
            hinted_at=EPOCH,
            proven_at=EPOCH + timedelta(seconds=1),
        ),
    )
    metrics = watching(board)

    samples = exposed(metrics)

    assert value(samples, "reconciler_resources", kind="Output", aspect="Ready", standing="True", reason="InStep") == 2
    assert value(samples, "reconciler_resources", kind="Output", aspect="Drifted", standing="True", reason="Drift") == 1
    assert value(samples, "reconciler_paused_resources", kind="Flow") == 1
    assert value(samples, "reconciler_pinned_resources", kind="Output") == 1
    assert value(samples, "reconciler_halted") == 1
    assert value(samples, "reconciler_source_behind") == 1
    assert value(samples, "reconciler_queue_age_seconds") == 7.5
    assert value(samples, "reconciler_consecutive_failures") == 2
    assert value(samples, "reconciler_last_pass_timestamp_seconds") == EPOCH.timestamp()
    assert value(samples, "reconciler_watcher_proof_timestamp_seconds") == EPOCH.timestamp() + 1

    board.statuses.clear()
    board.now = replace(WELL, passed_at=None, unreadable="no answer")
    samples = exposed(metrics)
    assert not any(name == "reconciler_resources" for name, _ in samples)
    assert value(samples, "reconciler_last_pass_timestamp_seconds") is None
    assert (value(samples, "reconciler_halted"), value(samples, "reconciler_backend_readable")) == (0, 0)


def test_bitrates_are_bounded_and_the_least_are_left_out() -> None:
    """A dead output is no bitrate of nought that pushes out a living one."""
    outputs = [status(OutputKey("news", f"o{number}"), bitrate_bps=1000 * number) for number in range(5)]
    board = FakeBoard(status(NEWS, bitrate_bps=9000), status(TOWER), *outputs)

    samples = exposed(watching(board, bitrate_series=2))

    name = "reconciler_output_throughput_bytes_per_second"
    assert {labels: value for (found, labels), value in samples.items() if found == name} == {
        frozenset({("flow", "news"), ("output", "o4")}): 500,
        frozenset({("flow", "news"), ("output", "o3")}): 375,
    }
    assert value(samples, "reconciler_outputs_left_out") == 3


def test_the_page_names_every_metric_with_its_kind() -> None:
    """And no other; histograms without their suffixes, counters with theirs."""
    documented = dict(re.findall(r"^\| `(reconciler_\w+)` \| (\w+) \|", PAGE, re.MULTILINE))

    found = {}
    for family in watching(FakeBoard()).registry.collect():
        if family.name.startswith("reconciler_"):
            suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
            found[family.name + suffix] = family.type

    assert documented == found


def test_the_page_names_the_labels() -> None:
    """Those that a filled registry shows."""
    board = FakeBoard(
        status(TOWER, bitrate_bps=1, pause=Pause(resource=TOWER, given=GIVEN)),
        status(MAST, pin=Pin(resource=MAST, revision="a", manifest="", against="", given=GIVEN)),
    )
    metrics = watching(board)
    metrics.pass_made(PassMade(result="done", duration_s=1))
    metrics.change_made(ChangeMade(kind="flow", action="edit", result="done"))
    metrics.call_made(CallMade(action="a", code="", waited_s=0, duration_s=0))
    metrics.webhook_answered("gitea", "ping")
    rows = dict(re.findall(r"^\| `(reconciler_\w+)` \| \w+ \|([^|]*)\|", PAGE, re.MULTILINE))

    shown = {re.sub("_(sum|count|bucket)$", "", name): set(dict(labels)) - {"le"} for name, labels in exposed(metrics)}

    assert {name: set(re.findall(r"`([a-z]+)`", rows[name])) for name in rows if name in shown} == {
        name: labels for name, labels in shown.items() if name.startswith("reconciler_")
    }
