"""
The service, judged by others.

Schemathesis asks what it can think of from the API's own description, GitHub's example payloads are delivered as
webhooks, and Prometheus' promtool looks at the metrics, the rules and their tests.

`make test` installs them (scripts/judges).
"""

import asyncio
import hashlib
import hmac
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from reconciler.domain.model import OutputKey
from reconciler.ports.telemetry import CallMade, ChangeMade, PassMade
from reconciler.service.api import openapi
from reconciler.service.webhooks import WAKE_GAP_S
from tests.fakes.board import FakeBoard, status
from tests.unit.service.serving import Stage, secret_file
from tests.unit.service.test_api import filled

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "deploy" / "prometheus" / "rules.yml"
RULE_TESTS: Final = ROOT / "deploy" / "prometheus" / "tests" / "rules_test.yml"
PAYLOADS: Final = ROOT / "tests" / "judges" / "node_modules" / "@octokit" / "webhooks-examples" / "api.github.com"
SECRET: Final = "secret-0123456789abcdef-0123456789abcdef"
EXAMPLES: Final = 25
"""Requests that are made up for each operation and mode."""
ENDLESS: Final = "GET /api/v1/stream"
"""Its answer has no end; tests/unit/service/test_stream.py reads it."""

DESCRIBED: Final = schemathesis.openapi.from_dict(dict(openapi()))
FOUND: Final = [found.ok() for found in DESCRIBED.get_all_operations() if isinstance(found, Ok)]
OPERATIONS: Final = {operation.label: operation for operation in FOUND}
ASKED: Final = [
    (label, mode)
    for label, operation in OPERATIONS.items()
    for mode in GenerationMode
    # What takes nothing cannot be asked wrongly.
    if label != ENDLESS and (mode is GenerationMode.POSITIVE or operation.definition.raw["parameters"])
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return where a service answers whose loop turns in a thread of its own."""
    secrets = secret_file(tmp_path_factory.mktemp("service") / "secrets", SECRET)
    stage = filled().with_options(webhook_secret_file=secrets)
    stage.branch = "master"
    started, ended = threading.Event(), asyncio.Event()
    found: list[tuple[str, asyncio.AbstractEventLoop]] = []

    async def serve() -> None:
        async with stage.build() as service:
            found.append((service.url, asyncio.get_running_loop()))
            started.set()
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(30)
    ((where, loop),) = found
    yield where
    loop.call_soon_threadsafe(ended.set)
    thread.join()


def test_the_description_is_one_of_openapi() -> None:
    """By the schema of OpenAPI 3.1; a fault that is put in is found."""
    DESCRIBED.validate()

    wrong = json.loads(json.dumps(openapi()))
    del wrong["paths"]["/livez"]["get"]["responses"]
    wrong["paths"]["/livez"]["get"]["parameters"] = {}
    with pytest.raises(Exception, match="parameters"):
        schemathesis.openapi.from_dict(wrong).validate()


@pytest.mark.parametrize(("label", "mode"), ASKED, ids=[f"{label} {mode.value}" for label, mode in ASKED])
def test_whatever_is_asked_is_answered_as_described(url: str, label: str, mode: GenerationMode) -> None:
    """No status, header or body that the description does not have, and never a bug of ours."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        case.call_and_validate(base_url=url)

    ask()


def promtool(*arguments: str | Path, said: str = "") -> tuple[int, str]:
    """Return how promtool ends, and all that it says."""
    beside = Path(sys.executable).with_name("promtool")
    command = [beside if beside.exists() else "promtool", *arguments]
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_the_rules_are_rules(tmp_path: Path) -> None:
    """A fault that is put in is found."""
    assert promtool("check", "rules", RULES)[0] == 0

    wrong = tmp_path / "rules.yml"
    wrong.write_text(RULES.read_text().replace("reconciler_ready == 0", "reconciler_ready === 0"))
    status_code, said = promtool("check", "rules", wrong)
    assert status_code != 0
    assert "could not parse expression" in said


def test_each_alert_fires_when_it_should(tmp_path: Path) -> None:
    """And not before; a rule that is spoilt fails its test."""
    assert promtool("test", "rules", RULE_TESTS) == (0, f"Unit Testing:  {RULE_TESTS}\n  SUCCESS\n\n")

    (tmp_path / "tests").mkdir()
    tests = tmp_path / "tests" / RULE_TESTS.name
    tests.write_text(RULE_TESTS.read_text())
    spoilt = RULES.read_text().replace("reconciler_queue_age_seconds > 900", "reconciler_queue_age_seconds > 90000")
    (tmp_path / RULES.name).write_text(spoilt)
    status_code, said = promtool("test", "rules", tests)
    assert status_code != 0
    assert "ReconcilerQueueOld" in said


def test_metrics_keep_to_the_rules_of_prometheus() -> None:
    """In their names, units and texts; a fault that is put in is found."""
    stage = Stage(board=FakeBoard(status(OutputKey("news", "tower"), bitrate_bps=5_000_000)))
    stage.build().application()
    stage.metrics.pass_made(PassMade(result="done", duration_s=1))
    stage.metrics.change_made(ChangeMade(kind="flow", action="edit", result="done"))
    stage.metrics.call_made(CallMade(action="DescribeStreamLinkFlow", code="", waited_s=0, duration_s=0))
    stage.metrics.webhook_answered("github", "woken")
    text = stage.metrics.exposition("")[0].decode()

    assert promtool("check", "metrics", said=text) == (0, "")
    assert promtool("check", "metrics", said=text.replace("_passes_total", "_passes"))[0] != 0


async def _delivered(stage: Stage) -> Counter[tuple[str, int, str]]:
    """Return how often what was answered to GitHub's examples: event, status, result."""
    told: Counter[tuple[str, int, str]] = Counter()
    async with stage.asked() as client:
        for event in json.loads((PAYLOADS / "index.json").read_text()):
            for number, payload in enumerate(event["examples"]):
                body = json.dumps(payload).encode()
                signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
                headers = {
                    "Content-Type": "application/json",
                    "X-GitHub-Event": event["name"],
                    "X-GitHub-Delivery": f"{event['name']}-{number}",
                }
                for given in ("", f"sha256={'0' * 64}", f"sha256={signature}", f"sha256={signature}"):
                    signed = {**headers, "X-Hub-Signature-256": given} if given else headers
                    answer = await client.post("/hooks/github", content=body, headers=signed)
                    told[event["name"], answer.status_code, answer.json().get("result", "")] += 1
                await stage.clock.advance(WAKE_GAP_S)
    return told


@pytest.mark.anyio
async def test_of_all_that_github_delivers_a_push_to_the_branch_wakes(tmp_path: Path) -> None:
    """Each of its examples without a signature, with a wrong one, with the right one, and once more."""
    stage = Stage(branch="master").with_options(webhook_secret_file=secret_file(tmp_path / "secrets", SECRET))

    told = await _delivered(stage)

    examples = sum(count for (_, status_code, _), count in told.items() if status_code == 401) // 2
    assert examples > 150
    by_status = Counter[int]()
    for (_, status_code, _), count in told.items():
        by_status[status_code] += count
    # Some examples are the same as one before, down to the last byte, and so a replay from the start.
    assert by_status[401] == 2 * examples
    assert by_status[200] + by_status[202] + by_status[409] == 2 * examples
    assert by_status.keys() == {200, 202, 401, 409}
    assert {event for event, status_code, _ in told if status_code == 200} == {"ping"}
    assert {event for event, _, result in told if result == "woken"} == {"push"}
    assert stage.pushes == told["push", 202, "woken"] > 0
