"""Every rule that manifests must keep, each with the id that stays for ever; `docs/rules.md` has a page on each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.domain.findings import Rule, Severity


def _error(rule_id: str, name: str, explanation: str) -> Rule:
    return Rule(id=rule_id, name=name, severity=Severity.ERROR, explanation=explanation)


def _warning(rule_id: str, name: str, explanation: str) -> Rule:
    return Rule(id=rule_id, name=name, severity=Severity.WARNING, explanation=explanation)


UNREADABLE: Final = _error(
    "SL001",
    "unreadable file",
    "The file cannot be opened, is no regular file, or is larger than the bound. Nothing in it is known, so nothing "
    "may be changed. Mend the file, or name it in .reconcilerignore.",
)
NOT_TEXT: Final = _error(
    "SL002",
    "not text",
    "A manifest is UTF-8 text without control characters. Save the file as UTF-8, or name it in .reconcilerignore.",
)
SYNTAX: Final = _error(
    "SL003",
    "broken YAML",
    "The text is not YAML. The finding says where reading stopped and what usually causes it. Documents before and "
    "after the broken one are checked as usual.",
)
DUPLICATE_KEY: Final = _error(
    "SL004",
    "duplicate key",
    "A mapping has the same key twice. YAML readers disagree on which one counts. Remove one of them.",
)
ALIAS: Final = _error(
    "SL005",
    "anchor or alias",
    "Anchors (&) and aliases (*) make a value mean something that does not stand at its place. Write the value out, "
    "or quote it where it is text that begins with such a character.",
)
MERGE_KEY: Final = _error(
    "SL006",
    "merge key",
    "The key << copies another mapping. It is no part of YAML 1.2. Write the keys out.",
)
TAG: Final = _error(
    "SL007",
    "tag",
    "Tags (!) change what a value is. Manifests use plain values only. Remove it, or quote text that begins with !.",
)
NOT_JSON: Final = _error(
    "SL008",
    "not in the JSON model",
    "Manifests hold what JSON can hold: text keys, text, finite numbers of an ordinary size, true, false, null, lists "
    "and mappings. Quote what is meant as text.",
)
TOO_MUCH: Final = _error(
    "SL009",
    "too much",
    "The file has more nesting, documents or faults than are read. Split it, or mend what was reported first.",
)

UNKNOWN_PROPERTY: Final = _error(
    "SL101",
    "unknown property",
    "Objects are closed, so that a slip in a name is never taken for a wish. Correct the name or remove the property.",
)
MISSING_PROPERTY: Final = _error(
    "SL102", "missing property", "A property without a default is not given. Add it to the mapping that is reported."
)
WRONG_TYPE: Final = _error(
    "SL103",
    "wrong type",
    "The value is of another type than the property has. Text that looks like a number must be quoted.",
)
NOT_ALLOWED: Final = _error(
    "SL104", "value not allowed", "The property has a closed set of values, and this is none of them."
)
OUT_OF_RANGE: Final = _error(
    "SL105", "out of range", "A number, a length or a count is outside of the range that the service accepts."
)
WRONG_FORM: Final = _error("SL106", "wrong form", "The text does not have the form that the property asks for.")
MISPLACED: Final = _error(
    "SL107",
    "misplaced property",
    "The property belongs to another protocol or mode, and would have no effect here. Remove it, or change the "
    "protocol or mode.",
)
FOREIGN: Final = _error(
    "SL108",
    "foreign document",
    "The document's apiVersion is not reconciler/v1. Everything below the given paths is read; name other files in "
    ".reconcilerignore.",
)
UNKNOWN_KIND: Final = _error("SL109", "unknown kind", "The kinds are Flow and Output, written so.")
RESERVED: Final = _error(
    "SL110",
    "not supported yet",
    "The name is reserved for a later version. It is refused now, so that nobody relies on what has no effect.",
)
FAILOVER: Final = _error(
    "SL111",
    "failover of an output",
    "The product does not support failover for outputs. Use a second output, or a second destination where the "
    "protocol has one.",
)
LITERAL_SECRET: Final = _error(
    "SL112",
    "literal secret",
    "Secrets are never written into manifests: git keeps them for ever. Refer to an environment variable "
    "({env: NAME}) or a file ({file: NAME}), and change the secret that was written here.",
)

UNKNOWN_REGION: Final = _warning(
    "SL201",
    "unknown region",
    "The region is not in the table that ships with this version. It may be new; a slip would fail only when the "
    "flow is made.",
)
URL_SCHEME: Final = _error(
    "SL202", "URL scheme", "RTMP addresses begin with rtmp:// or rtmps://, RTSP addresses with rtsp:// or rtsps://."
)
ALLOWLIST: Final = _error(
    "SL203",
    "allowlist entry",
    "An allowlist is a list of CIDRs, such as 203.0.113.0/28 or 2001:db8::/32, or the same joined with semicolons. A "
    "single address is written with /32 or /128.",
)
HOST_BITS: Final = _warning(
    "SL204",
    "host bits in a CIDR",
    "The address has bits beyond its prefix. It is sent as written, and means the whole network.",
)
OPEN_ALLOWLIST: Final = _warning(
    "SL205",
    "no allowlist",
    "Without an allowlist any address may connect. Give one, unless the addresses of the other side are not known.",
)
LATENCY: Final = _warning(
    "SL206",
    "latency below the advice",
    "SRT resends lost packets within the latency. 120 ms is enough within a country, 200 ms within a continent, "
    "1000 ms between continents; with less, packets that get lost stay lost.",
)
SECRET_VARIABLE: Final = _error(
    "SL207",
    "environment variable of a secret",
    "Only variables that match the setting secrets.env are read, and never TENCENTCLOUD_* or RECONCILER_*, so that a "
    "manifest cannot send the account's own credentials to somebody.",
)
SECRET_FILE: Final = _error(
    "SL208",
    "file of a secret",
    "The name is relative to the directory of secrets (secrets.dir) and never leaves it.",
)
COUNTRY: Final = _error(
    "SL209", "country", "Countries are ISO 3166-1 alpha-2 codes that are officially assigned, such as DE, GB or SG."
)

UNKNOWN_FLOW: Final = _error(
    "SL301",
    "unknown flow",
    "An output names the flow that it belongs to or calls, and that flow must be among the documents that are read. "
    "Give every path of the tree to one command.",
)
OTHER_CASE: Final = _error(
    "SL302", "name in another case", "A reference is exact. The flow exists under a name in another case: write that."
)
DUPLICATE_NAME: Final = _error(
    "SL303",
    "duplicate name",
    "Flow names are unique over the whole tree, output names within their flow, both compared without case. Rename "
    "or remove the later one.",
)
DUPLICATE_LIVE_NAME: Final = _error(
    "SL304",
    "duplicate live name",
    "Two resources would be one object on the backend: flows of a region, or outputs of a flow, with the same live "
    "name. Change one liveName.",
)
MATRIX: Final = _error(
    "SL305",
    "protocol that the input cannot feed",
    "The input's protocol decides which outputs a flow may have: RTMP and RTMP_PULL feed RTMP_PUSH and RTMP_PULL, SRT "
    "feeds SRT and RTMP_PUSH, RTP feeds RTP, RTSP feeds RTSP.",
)
SAME_PUSH: Final = _error(
    "SL306",
    "same key pushed twice",
    "Two outputs push one stream key to one URL. The far end accepts one publisher, and the two would cut each other "
    "off again and again.",
)
LINK_TARGET: Final = _error(
    "SL307",
    "called flow does not listen",
    "An output can call another flow only when that flow's input is an SRT listener.",
)
LINK_MISMATCH: Final = _error(
    "SL308",
    "called flow differs",
    "An output that calls another flow has the same key length, the same reference to the passphrase and the same "
    "latency as that flow's input.",
)
LOOP: Final = _error(
    "SL309",
    "loop",
    "Flows call each other in a circle, so the same stream would go round for ever. Remove one of the links.",
)
NO_OUTPUTS: Final = _warning(
    "SL310",
    "running flow without outputs",
    "The flow is to be running but sends its input nowhere. It waits for its first output.",
)

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {rule.id: rule for rule in tuple(globals().values()) if isinstance(rule, Rule)}
)
"""Every rule by its id, in the order of the ids."""
