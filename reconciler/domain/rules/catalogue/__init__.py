"""Every rule that manifests must keep, each with the id that stays for ever; `docs/rules.md` has a page on each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.domain.findings import Rule
from reconciler.domain.rules.catalogue.destinations import (
    LINK_MISMATCH,
    LINK_TARGET,
    LOOP,
    OWN_INPUT,
    SAME_DESTINATION,
    SAME_PUSH,
    SHUT_OUT,
)
from reconciler.domain.rules.catalogue.documents import (
    EXCUSE,
    FAILOVER,
    FOREIGN,
    LITERAL_SECRET,
    MISPLACED,
    MISSING_PROPERTY,
    NOT_ALLOWED,
    OUT_OF_RANGE,
    UNKNOWN_KIND,
    UNKNOWN_PROPERTY,
    UNUSED_EXCUSE,
    WRONG_FORM,
    WRONG_TYPE,
)
from reconciler.domain.rules.catalogue.families import (
    DUPLICATE_LIVE_NAME,
    DUPLICATE_NAME,
    MATRIX,
    NO_OUTPUTS,
    OTHER_CASE,
    UNKNOWN_FLOW,
)
from reconciler.domain.rules.catalogue.files import (
    ALIAS,
    DUPLICATE_KEY,
    MERGE_KEY,
    NOT_JSON,
    NOT_TEXT,
    SYNTAX,
    TAG,
    TOO_MUCH,
    UNREADABLE,
)
from reconciler.domain.rules.catalogue.policies import (
    ADDRESS,
    LONE_LEG,
    MOVE_ELSEWHERE,
    MOVE_FROM,
    MOVE_TO,
    MOVES_MEET,
    NEEDLESS_APPROVAL,
    NEVER_OPEN,
    SAME_CHANGE,
    TIME,
    UNKNOWN_RESOURCE,
    WINDOW_ENDS,
    ZONE,
)
from reconciler.domain.rules.catalogue.values import (
    ALLOWLIST,
    COUNTRY,
    HOST_BITS,
    IDLE_TIMEOUT,
    LATENCY,
    LONG_ALLOWLIST,
    OPEN_ALLOWLIST,
    OPEN_NETWORK,
    OUT_OF_REACH,
    REPEATED_NETWORK,
    SECRET_FILE,
    SECRET_VARIABLE,
    TOO_FEW_PLACES,
    UNENCRYPTED,
    UNKNOWN_REGION,
    URL_SCHEME,
)

__all__ = [
    "ADDRESS",
    "ALIAS",
    "ALLOWLIST",
    "COUNTRY",
    "DUPLICATE_KEY",
    "DUPLICATE_LIVE_NAME",
    "DUPLICATE_NAME",
    "EXCUSE",
    "FAILOVER",
    "FOREIGN",
    "HOST_BITS",
    "IDLE_TIMEOUT",
    "LATENCY",
    "LINK_MISMATCH",
    "LINK_TARGET",
    "LITERAL_SECRET",
    "LONE_LEG",
    "LONG_ALLOWLIST",
    "LOOP",
    "MATRIX",
    "MERGE_KEY",
    "MISPLACED",
    "MISSING_PROPERTY",
    "MOVES_MEET",
    "MOVE_ELSEWHERE",
    "MOVE_FROM",
    "MOVE_TO",
    "NEEDLESS_APPROVAL",
    "NEVER_OPEN",
    "NOT_ALLOWED",
    "NOT_JSON",
    "NOT_TEXT",
    "NO_OUTPUTS",
    "OPEN_ALLOWLIST",
    "OPEN_NETWORK",
    "OTHER_CASE",
    "OUT_OF_RANGE",
    "OUT_OF_REACH",
    "OWN_INPUT",
    "REPEATED_NETWORK",
    "RULES",
    "SAME_CHANGE",
    "SAME_DESTINATION",
    "SAME_PUSH",
    "SECRET_FILE",
    "SECRET_VARIABLE",
    "SHUT_OUT",
    "SYNTAX",
    "TAG",
    "TIME",
    "TOO_FEW_PLACES",
    "TOO_MUCH",
    "UNENCRYPTED",
    "UNKNOWN_FLOW",
    "UNKNOWN_KIND",
    "UNKNOWN_PROPERTY",
    "UNKNOWN_REGION",
    "UNKNOWN_RESOURCE",
    "UNREADABLE",
    "UNUSED_EXCUSE",
    "URL_SCHEME",
    "WINDOW_ENDS",
    "WRONG_FORM",
    "WRONG_TYPE",
    "ZONE",
]

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        rule.id: rule
        for rule in sorted(
            (value for value in tuple(globals().values()) if isinstance(value, Rule)), key=lambda rule: rule.id
        )
    }
)
"""Every rule by its id, in the order of the ids."""
