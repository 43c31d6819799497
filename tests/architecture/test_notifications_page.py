"""What `docs/notifications.md` shows can be written so, and its numbers are the code's."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import jsonschema

from reconciler.manifests.schemas import schema_of
from reconciler.manifests.settings_file import read_settings
from reconciler.notifying import notices, notifier, posting, secret_files
from reconciler.notifying.entries import CALM, KEPT, MOST_CHANGES, WINDOW
from reconciler.notifying.forge import MOST_REQUESTS
from reconciler.notifying.reports import LATER, MANY, SOON
from reconciler.ports.source import ManifestFile

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")
WORDS: Final = " ".join(PAGE.split())


def examples(of: str) -> list[str]:
    """Return the examples in a language."""
    return re.findall(rf"^```{of}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_settings_are_settings() -> None:
    """Whoever copies them has no finding."""
    for example in examples("yaml"):
        reading = read_settings(ManifestFile(path="reconciler.yaml", content=example.encode()))

        assert [str(finding) for finding in reading.findings] == []
        assert reading.values["notify"]["sinks"]


def test_the_body_keeps_its_schema() -> None:
    """As every body does that is sent."""
    (example,) = examples("json")

    jsonschema.validate(json.loads(example), dict(schema_of("notification")))


def test_every_property_is_explained() -> None:
    """In the part of the page on its kind."""
    sink: Any = schema_of("config")["properties"]["notify"]["properties"]["sinks"]["items"]
    parts = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))
    titles = {"slack": "Slack", "webhook": "Webhook", "email": "Mail", "github": "GitHub", "gitlab": "GitLab"}

    for rule in sink["allOf"]:
        part = parts[titles[rule["if"]["properties"]["kind"]["const"]]]
        named = set(rule["then"]["propertyNames"]["enum"]) - {"kind"}

        assert {name for name in named if f"`{name}`" not in part} == set()


def test_the_numbers_are_those_that_hold() -> None:
    """What people read is what is done."""
    minute = timedelta(minutes=1)

    for said in (
        f"at most {notices.MOST_LINES} items",
        f"more than {MOST_CHANGES} changes of one condition within {WINDOW // minute} minutes",
        f"has not changed for {CALM // minute} minutes",
        f"every {SOON.seconds} s; after {MANY} times every {LATER // minute} minutes",
        f"ends after {posting.DEADLINE_S:g} s",
        f"the sinks have {notifier.STOP_S:g} s",
        f"at most {secret_files.MAX_BYTES:,} bytes",
    ):
        assert said in WORDS
    assert (timedelta(days=7), 2, 3600, 3) == (KEPT, posting.BASE_S, posting.MOST_S, MOST_REQUESTS)


def test_every_event_is_documented() -> None:
    """And no other."""
    table = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    room = (ROOT / "reconciler" / "notifying").rglob("*.py")
    logged = {name for path in room for name in re.findall(r'"(notify\.\w+)"', path.read_text())}

    assert set(re.findall(r"^\| `(notify\.\w+)` \|", table, flags=re.MULTILINE)) == logged
