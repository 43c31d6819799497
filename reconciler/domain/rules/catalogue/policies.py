"""Rules about how changes are made: SL4xx."""

from typing import Final

from reconciler.domain.findings import Rule, Severity
from reconciler.domain.rules.catalogue.frames import CALENDAR, PULL_METADATA, TREE, WINDOWS, example

ADDRESS: Final = Rule(
    id="SL401",
    name="address of a resource",
    severity=Severity.ERROR,
    explanation="A resource is named by its address: flow/NAME, or output/FLOW/NAME with the names of both.",
    remedy="Write it as the plan does.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Override
        metadata: {name: big_cleanup}
        spec:
          resource: output/tower_north
          action: delete
          lifts: [budget]
          reason: the partner left on Friday
          expires: 2026-11-28T18:00:00Z
        """,
        """
        apiVersion: reconciler/v1
        kind: Override
        metadata: {name: big_cleanup}
        spec:
          resource: output/city_news/tower_north
          action: delete
          lifts: [budget]
          reason: the partner left on Friday
          expires: 2026-11-28T18:00:00Z
        """,
        frame=TREE,
    ),
)
TIME: Final = Rule(
    id="SL402",
    name="date or time",
    severity=Severity.ERROR,
    explanation=(
        "The text is no date or time of the form that the property asks for, or no calendar has that day. Midnight "
        "is 00:00 of the next day; there is no 24:00."
    ),
    remedy="Write one that there is, in the form of the hint.",
    example=example(
        "- {kind: freeze, from: 2026-02-29T19:00, to: 2026-03-01T23:00}",
        "- {kind: freeze, from: 2026-02-28T19:00, to: 2026-03-01T23:00}",
        frame=WINDOWS,
    ),
)
ZONE: Final = Rule(
    id="SL403",
    name="unknown time zone",
    severity=Severity.ERROR,
    explanation=(
        "The windows of a calendar are on the wall clock of a time zone of the IANA catalogue, which knows when the "
        "clocks are changed there. Abbreviations such as CEST are none."
    ),
    remedy="Write the zone's name, such as Europe/Berlin.",
    example=example("zone: Europe/Hamburg", "zone: Europe/Berlin", frame=CALENDAR),
)
WINDOW_ENDS: Final = Rule(
    id="SL404",
    name="window that ends before it begins",
    severity=Severity.ERROR,
    explanation="A window without a minute in it would protect nothing, and nobody writes one on purpose.",
    remedy="Correct the times. A window that recurs ends on the next day where `to` is not later than `from`.",
    example=example(
        "- {kind: freeze, from: 2026-11-28T19:00, to: 2026-11-28T01:00}",
        "- {kind: freeze, from: 2026-11-28T19:00, to: 2026-11-29T01:00}",
        frame=WINDOWS,
    ),
)
NEVER_OPEN: Final = Rule(
    id="SL405",
    name="window that never opens",
    severity=Severity.WARNING,
    explanation=(
        "The clocks of the zone are put forward over the whole window, or the window recurs on days that are not "
        "between its dates."
    ),
    remedy="Correct the times, the days or the dates.",
    example=example(
        "- {kind: freeze, from: 2027-03-28T02:00, to: 2027-03-28T03:00}",
        "- {kind: freeze, from: 2027-03-28T03:00, to: 2027-03-28T04:00}",
        frame=WINDOWS,
    ),
)
NEEDLESS_APPROVAL: Final = Rule(
    id="SL406",
    name="approval that nothing asks for",
    severity=Severity.ERROR,
    explanation=(
        "An approval releases what would take something off the air. A flow that is created stands still, and an "
        "output is started with its flow, so that no guard stops either, and an approval of it is a slip."
    ),
    remedy="Remove the document, or write the action that the plan prints. An Override lifts budgets and windows.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Approval
        metadata: {name: tower_goes}
        spec:
          resource: flow/city_news
          action: create
          change: "3f9ac1d2e4b5"
          reason: the partner asked for it
          expires: 2026-11-28T18:00:00Z
        """,
        """
        apiVersion: reconciler/v1
        kind: Approval
        metadata: {name: tower_goes}
        spec:
          resource: flow/city_news
          action: start
          change: "3f9ac1d2e4b5"
          reason: the partner asked for it
          expires: 2026-11-28T18:00:00Z
        """,
        frame=TREE,
    ),
)
UNKNOWN_RESOURCE: Final = Rule(
    id="SL407",
    name="resource that no manifest has",
    severity=Severity.WARNING,
    explanation=(
        "What is created, edited, recreated or started is in the manifests, so that an approval or override for "
        "anything else has no effect. What is deleted is in none of them, and what is stopped may go as well."
    ),
    remedy="Correct the address, or remove the document when it has done its work.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Override
        metadata: {name: late_edit}
        spec:
          resource: output/city_news/tower_nrth
          action: edit
          lifts: [window]
          reason: the partner has another address since noon
          expires: 2026-11-28T18:00:00Z
        """,
        """
        apiVersion: reconciler/v1
        kind: Override
        metadata: {name: late_edit}
        spec:
          resource: output/city_news/tower_north
          action: edit
          lifts: [window]
          reason: the partner has another address since noon
          expires: 2026-11-28T18:00:00Z
        """,
        frame=TREE,
    ),
)
SAME_CHANGE: Final = Rule(
    id="SL408",
    name="change approved twice",
    severity=Severity.WARNING,
    explanation="Two documents approve one change. One is enough, and whoever withdraws it may miss the other.",
    remedy="Keep the one that expires later.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Approval
        metadata: {name: tower_goes}
        spec:
          resource: output/city_news/tower_south
          action: delete
          change: "3f9ac1d2e4b5"
          reason: the partner left on Friday
          expires: 2026-11-28T18:00:00Z
        ---
        apiVersion: reconciler/v1
        kind: Approval
        metadata: {name: tower_goes_later}
        spec:
          resource: output/city_news/tower_south
          action: delete
          change: "3f9ac1d2e4b5"
          reason: the partner left on Friday
          expires: 2026-11-29T18:00:00Z
        """,
        """
        apiVersion: reconciler/v1
        kind: Approval
        metadata: {name: tower_goes_later}
        spec:
          resource: output/city_news/tower_south
          action: delete
          change: "3f9ac1d2e4b5"
          reason: the partner left on Friday
          expires: 2026-11-29T18:00:00Z
        """,
        frame=TREE,
    ),
)
LONE_LEG: Final = Rule(
    id="SL409",
    name="redundancy group of one",
    severity=Severity.WARNING,
    explanation=(
        "Outputs of one group stand in for each other, so that they are never changed at the same time. Alone in its "
        "group, an output has nothing that stands in for it."
    ),
    remedy="Give the other output the same word, or remove it.",
    example=example(
        "metadata: {name: tower_north, redundancyGroup: tower}",
        "metadata: {name: tower_north}",
        frame=PULL_METADATA,
    ),
)
MOVE_TO: Final = Rule(
    id="SL410",
    name="move to what no manifest has",
    severity=Severity.ERROR,
    explanation=(
        "A Move says which name a resource has now, and a manifest must have that name: else the resource would be "
        "deleted."
    ),
    remedy="Correct the address, or give the resource its new name in the same commit.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Move
        metadata: {name: tower_north}
        spec: {from: output/city_news/tower, to: output/city_news/tower_nrth}
        """,
        """
        apiVersion: reconciler/v1
        kind: Move
        metadata: {name: tower_north}
        spec: {from: output/city_news/tower, to: output/city_news/tower_north}
        """,
        frame=TREE,
    ),
)
MOVE_FROM: Final = Rule(
    id="SL411",
    name="move from what a manifest still has",
    severity=Severity.ERROR,
    explanation="The name before is still a manifest's, so that it is open which of the two the live resource is.",
    remedy="Rename the resource. Remove the Move when it was applied and another resource has the name.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Move
        metadata: {name: to_news}
        spec: {from: output/city_news/tower_south, to: output/city_news/tower_north}
        ---
        apiVersion: reconciler/v1
        kind: Output
        metadata: {name: tower_south}
        spec: {flow: city_news, protocol: RTMP_PULL, allowlist: [203.0.113.0/28]}
        """,
        """
        apiVersion: reconciler/v1
        kind: Move
        metadata: {name: to_news}
        spec: {from: output/city_news/tower_south, to: output/city_news/tower_north}
        """,
        frame=TREE,
    ),
)
MOVE_ELSEWHERE: Final = Rule(
    id="SL412",
    name="move that is none",
    severity=Severity.ERROR,
    explanation=(
        "Only a name can move: a flow stays a flow, and an output stays in its flow. Where the flow itself moves, its "
        "outputs go with it, and need a Move of their own only for a new name of their own."
    ),
    remedy="Correct the addresses. To carry an output over into another flow, make another one there.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Move
        metadata: {name: tower_north}
        spec: {from: output/sports/tower, to: output/city_news/tower_north}
        """,
        """
        apiVersion: reconciler/v1
        kind: Move
        metadata: {name: tower_north}
        spec: {from: output/city_news/tower, to: output/city_news/tower_north}
        """,
        frame=TREE,
    ),
)
MOVES_MEET: Final = Rule(
    id="SL413",
    name="moves that meet",
    severity=Severity.ERROR,
    explanation=(
        "Two documents move one name, or move to one name, or one moves on what the other one moved, and it is open "
        "which of them holds."
    ),
    remedy="Keep one for each resource, from the name that is live to the name of now.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: Move
        metadata: {name: first}
        spec: {from: output/city_news/tower, to: output/city_news/tower_1}
        ---
        apiVersion: reconciler/v1
        kind: Move
        metadata: {name: second}
        spec: {from: output/city_news/tower_1, to: output/city_news/tower_north}
        """,
        """
        apiVersion: reconciler/v1
        kind: Move
        metadata: {name: second}
        spec: {from: output/city_news/tower, to: output/city_news/tower_north}
        """,
        frame=TREE,
    ),
)
