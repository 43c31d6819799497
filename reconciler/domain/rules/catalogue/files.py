"""Rules about reading files: SL0xx."""

from typing import Final

from reconciler.domain.findings import Rule, Severity
from reconciler.domain.rules.catalogue.frames import METADATA, MORE_OF_FLOW, SRT_INPUT, SRT_OUTPUT, example

UNREADABLE: Final = Rule(
    id="SL001",
    name="unreadable file",
    severity=Severity.ERROR,
    explanation=(
        "The file cannot be opened, is no regular file, or is larger than the bound. Nothing in it is known, so "
        "nothing may be changed."
    ),
    remedy="Mend the file, or name it in .reconcilerignore.",
    example="studio.yaml is a pipe, a directory in disguise, or has 100 MB",
)
NOT_TEXT: Final = Rule(
    id="SL002",
    name="not text",
    severity=Severity.ERROR,
    explanation="A manifest is UTF-8 text without control characters.",
    remedy="Save the file as UTF-8, or name it in .reconcilerignore.",
    example="a file saved as UTF-16, or a picture named *.yaml",
)
SYNTAX: Final = Rule(
    id="SL003",
    name="broken YAML",
    severity=Severity.ERROR,
    explanation=(
        "The text is not YAML. The finding says where reading stopped and what usually causes it. Documents "
        "before and after the broken one are checked as usual."
    ),
    remedy="Look at the line that is reported, and at the one before.",
    example=example(
        "metadata: {name: city_news, labels: {event: cup_final}",
        "metadata: {name: city_news, labels: {event: cup_final}}",
        frame=METADATA,
    ),
)
DUPLICATE_KEY: Final = Rule(
    id="SL004",
    name="duplicate key",
    severity=Severity.ERROR,
    explanation="A mapping has the same key twice. YAML readers disagree on which one counts.",
    remedy="Remove one of them.",
    example=example(
        """
        latency: 120
        latency: 200
        """,
        "latency: 200",
        frame=SRT_INPUT,
    ),
)
ALIAS: Final = Rule(
    id="SL005",
    name="anchor or alias",
    severity=Severity.ERROR,
    explanation="Anchors (&) and aliases (*) make a value mean something that does not stand at its place.",
    remedy="Write the value out, or quote it where it is text that begins with such a character.",
    example=example("maxBandwidth: &class 20M", "maxBandwidth: 20M", frame=MORE_OF_FLOW),
)
MERGE_KEY: Final = Rule(
    id="SL006",
    name="merge key",
    severity=Severity.ERROR,
    explanation="The key << copies another mapping. It is no part of YAML 1.2.",
    remedy="Write the keys out.",
    example=example(
        """
        protocol: SRT
        srt:
          <<: {mode: caller}
          destination: {host: tower.example, port: 9000}
          encryption: {keyLength: 32, passphrase: {file: tower}}
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
TAG: Final = Rule(
    id="SL007",
    name="tag",
    severity=Severity.ERROR,
    explanation="Tags (!) change what a value is. Manifests use plain values only.",
    remedy="Remove it, or quote text that begins with !.",
    example=example("description: !!str 24", 'description: "24"', frame=MORE_OF_FLOW),
)
NOT_JSON: Final = Rule(
    id="SL008",
    name="not in the JSON model",
    severity=Severity.ERROR,
    explanation=(
        "Manifests hold what JSON can hold: text keys, text, finite numbers of an ordinary size, true, false, "
        "null, lists and mappings."
    ),
    remedy="Write a number that there is, and quote what is meant as text.",
    example=example("latency: .inf", "latency: 3000", frame=SRT_INPUT),
)
TOO_MUCH: Final = Rule(
    id="SL009",
    name="too much",
    severity=Severity.ERROR,
    explanation="The file has more nesting, documents or faults than are read.",
    remedy="Split it, or mend what was reported first.",
    example="a list within a list, 65 levels deep",
)
