"""Rules about one document and its schema: SL1xx."""

from typing import Final

from reconciler.domain.findings import Rule, Severity
from reconciler.domain.rules.catalogue.frames import (
    HEADER,
    METADATA,
    MORE_OF_FLOW,
    PULL,
    PUSH,
    SRT_CALLER,
    SRT_INPUT,
    SRT_OUTPUT,
    example,
)

UNKNOWN_PROPERTY: Final = Rule(
    id="SL101",
    name="unknown property",
    severity=Severity.ERROR,
    explanation="Objects are closed, so that a slip in a name is never taken for a wish.",
    remedy="Correct the name or remove the property.",
    example=example("maxBandwith: 20M", "maxBandwidth: 20M", frame=MORE_OF_FLOW),
)
MISSING_PROPERTY: Final = Rule(
    id="SL102",
    name="missing property",
    severity=Severity.ERROR,
    explanation="A property without a default is not given.",
    remedy="Add it to the mapping that is reported.",
    example=example(
        "destination: {host: tower.example}", "destination: {host: tower.example, port: 9000}", frame=SRT_CALLER
    ),
)
WRONG_TYPE: Final = Rule(
    id="SL103",
    name="wrong type",
    severity=Severity.ERROR,
    explanation="The value is of another type than the property has.",
    remedy="Write a value of that type; quote text that looks like a number.",
    example=example("liveName: 24", 'liveName: "24"', frame=MORE_OF_FLOW),
)
NOT_ALLOWED: Final = Rule(
    id="SL104",
    name="value not allowed",
    severity=Severity.ERROR,
    explanation="The property has a closed set of values, and this is none of them.",
    remedy="Write one of the values that are listed.",
    example=example("maxBandwidth: 15M", "maxBandwidth: 20M", frame=MORE_OF_FLOW),
)
OUT_OF_RANGE: Final = Rule(
    id="SL105",
    name="out of range",
    severity=Severity.ERROR,
    explanation="A number, a length or a count is outside of the range that the service accepts.",
    remedy="Write one within the range that is reported.",
    example=example("latency: 5000", "latency: 3000", frame=SRT_INPUT),
)
WRONG_FORM: Final = Rule(
    id="SL106",
    name="wrong form",
    severity=Severity.ERROR,
    explanation="The text does not have the form that the property asks for.",
    remedy="Write it as the hint says; `reconciler explain` has every property's form.",
    example=example("metadata: {name: city-news}", "metadata: {name: city_news}", frame=METADATA),
)
MISPLACED: Final = Rule(
    id="SL107",
    name="misplaced property",
    severity=Severity.ERROR,
    explanation="The property belongs to another protocol or mode, and would have no effect here.",
    remedy="Remove it, or change the protocol or mode.",
    example=example(
        """
        protocol: SRT
        srt:
          mode: listener
          destination: {host: tower.example, port: 9000}
          encryption: {keyLength: 32, passphrase: {file: tower}}
        allowlist: [10.0.0.0/24]
        """,
        """
        protocol: SRT
        srt:
          mode: caller
          destination: {host: tower.example, port: 9000}
          encryption: {keyLength: 32, passphrase: {file: tower}}
        """,
        frame=SRT_OUTPUT,
    ),
)
FOREIGN: Final = Rule(
    id="SL108",
    name="foreign document",
    severity=Severity.ERROR,
    explanation="The document's apiVersion is not reconciler/v1. Everything below the given paths is read.",
    remedy="Write apiVersion: reconciler/v1; name files of other tools in .reconcilerignore.",
    example=example(
        """
        apiVersion: v1
        kind: Flow
        metadata: {name: city_news}
        """,
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: city_news}
        """,
        frame=HEADER,
    ),
)
UNKNOWN_KIND: Final = Rule(
    id="SL109",
    name="unknown kind",
    severity=Severity.ERROR,
    explanation="The kinds are Flow, Output, Approval, Override, Calendar and Move, written so.",
    remedy="Write one of them.",
    example=example(
        """
        apiVersion: reconciler/v1
        kind: flow
        metadata: {name: city_news}
        """,
        """
        apiVersion: reconciler/v1
        kind: Flow
        metadata: {name: city_news}
        """,
        frame=HEADER,
    ),
)
# SL110 stood for names of a later version; the number is not given again, for old reports hold it.
FAILOVER: Final = Rule(
    id="SL111",
    name="failover of an output",
    severity=Severity.ERROR,
    explanation="The product does not support failover for outputs.",
    remedy="Use a second output, or a second destination where the protocol has one.",
    example=example(
        """
        protocol: RTMP_PULL
        allowlist: [203.0.113.0/28]
        failover: true
        """,
        """
        protocol: RTMP_PULL
        allowlist: [203.0.113.0/28]
        """,
        frame=PULL,
    ),
)
LITERAL_SECRET: Final = Rule(
    id="SL112",
    name="literal secret",
    severity=Severity.ERROR,
    explanation="Secrets are never written into manifests: git keeps them for ever.",
    remedy=(
        "Refer to an environment variable ({env: NAME}) or a file ({file: NAME}), and change the secret that was "
        "written here."
    ),
    example=example(
        """
        - url: rtmps://live.example/app
          streamKey: e18c3c4dd05a
        """,
        """
        - url: rtmps://live.example/app
          streamKey: {env: STREAM_PLATFORM}
        """,
        frame=PUSH,
    ),
)
EXCUSE: Final = Rule(
    id="SL113",
    name="excuse that does not count",
    severity=Severity.ERROR,
    explanation=(
        "A resource is excused from a rule by the annotation reconciler/ignore, with the rule's id and the "
        "reason. Warnings and a few errors can be ignored so; a fault that leaves open what is meant cannot."
    ),
    remedy="Give an id and a reason; mend what no reason can excuse.",
    example=example(
        """
        metadata:
          name: city_news
          annotations: {reconciler/ignore: SL205}
        """,
        """
        metadata:
          name: city_news
          annotations: {}
        """,
        frame=METADATA,
    ),
)
UNUSED_EXCUSE: Final = Rule(
    id="SL114",
    name="excuse that nothing needs",
    severity=Severity.WARNING,
    explanation=(
        "The resource is excused from a rule that it keeps. Left there, the excuse would hide the next fault."
    ),
    remedy="Remove it.",
    example=example(
        """
        metadata:
          name: city_news
          annotations: {reconciler/ignore: "SL205: the venue has no fixed address"}
        """,
        "metadata: {name: city_news}",
        frame=METADATA,
    ),
)
