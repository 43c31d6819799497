"""What plans are made of here, and how people read them."""

from typing import Final

import click

from reconciler.cli import render
from reconciler.domain.changes import Edit, FlowAt, Plan
from reconciler.domain.impact import Impact
from reconciler.domain.model import OutputKey
from reconciler.domain.properties import PropertyChange, PropertyValue
from tests.builders import LOCAL, found_output, output

AT: Final = FlowAt(LOCAL, "news")
CANARY: Final = "canary-of-a-passphrase"


def edit(path: str, found: PropertyValue, wanted: PropertyValue) -> Edit:
    """Return an edit of one property of an output."""
    return Edit(
        key=OutputKey("news", "tower"),
        at=AT,
        wanted=output(),
        found=found_output(output()),
        differences=(PropertyChange(path=path, found=found, wanted=wanted),),
        impact=Impact.RECONNECT,
    )


def plain(plan: Plan) -> list[str]:
    """Return the lines of a plan without colours."""
    return [click.unstyle(line) for line in render.plan_text(plan)]
