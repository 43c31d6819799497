"""The dashboard and the alerts that go with the metrics: whatever they name is there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from reconciler.domain.conditions import Aspect, Reason, Standing
from reconciler.service.gauges import BoardGauges
from reconciler.service.metrics import Metrics
from tests.fakes.board import FakeBoard

ROOT: Final = Path(__file__).parents[3]
DASHBOARD: Final[dict[str, Any]] = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text())
RULES: Final[dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text())
RULE_TESTS: Final = (ROOT / "deploy" / "prometheus" / "tests" / "rules_test.yml").read_text()
ALERTS: Final = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
RUNBOOK: Final = (ROOT / "docs" / "operations.md").read_text()
COLUMNS: Final = 24
"""Of Grafana's grid."""


def exposed() -> frozenset[str]:
    """Return the name of every series that there may be."""
    metrics = Metrics()
    metrics.watch(BoardGauges(FakeBoard(), bitrate_series=1, is_ready=lambda: True))
    suffixes = {"counter": ("_total",), "info": ("_info",), "histogram": ("_bucket", "_sum", "_count")}
    return frozenset(
        family.name + suffix for family in metrics.registry.collect() for suffix in suffixes.get(family.type, ("",))
    )


def expressions() -> Iterator[str]:
    """Yield every expression of the dashboard and of the rules."""
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for variable in DASHBOARD["templating"]["list"]:
        yield variable.get("definition", "")
    yield from (rule["expr"] for rule in ALERTS.values())


def test_every_metric_that_is_named_is_there() -> None:
    """And nearly every metric of ours is looked at by somebody."""
    named = {name for text in expressions() for name in re.findall(r"reconciler_\w+", text)}

    assert named <= exposed()
    assert len(named) > 15


@pytest.mark.parametrize(("label", "words"), [("aspect", Aspect), ("standing", Standing), ("reason", Reason)])
def test_every_word_that_is_selected_is_one(label: str, words: Any) -> None:
    """Else the alert would be silent for ever."""
    selected = {
        word
        for text in (*expressions(), RULE_TESTS)
        for found in re.findall(rf'\b{label}(?:!=|=~|=)\\?"([^"\\]+)', text)
        for word in found.split("|")
    }

    assert selected
    assert selected <= set(words)


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_says_what_it_is_and_what_to_do(name: str) -> None:
    """In the runbook, under the anchor that it names; and it has a test that fires it and one that does not."""
    alert = ALERTS[name]

    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    assert alert["labels"]["severity"] in {"info", "warning", "critical"}
    assert alert["annotations"]["runbook"] == f"docs/operations.md#alert-{name.lower()}"
    assert f"\n### Alert {name}\n" in RUNBOOK
    assert f"alertname: {name}\n" in RULE_TESTS


def test_the_runbook_has_no_other_alert() -> None:
    """In the order of the rules."""
    assert re.findall(r"^### Alert (\w+)$", RUNBOOK, re.MULTILINE) == list(ALERTS)


def test_the_dashboard_is_one_that_grafana_draws() -> None:
    """Panels have their own ids, stand side by side and ask the chosen data source."""
    panels = DASHBOARD["panels"]
    cells = [
        (x, y)
        for panel in panels
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]

    assert {panel["id"] for panel in panels} == set(range(1, len(panels) + 1))
    assert {panel["type"] for panel in panels} == {"stat", "timeseries"}
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == COLUMNS - 1
    for panel in panels:
        assert panel["title"]
        assert panel["description"]
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert 'job="$job", instance=~"$instance"' in target["expr"]
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource", "job", "instance"]
    assert f"({len(panels)} panels;" in (ROOT / "docs" / "metrics.md").read_text()
