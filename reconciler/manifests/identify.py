"""What a document is, and its name, as far as that can be told; whether the rest of it is right is another matter."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from reconciler.domain.documents import NAME_FORM, Fault
from reconciler.domain.rules.catalogue import FOREIGN, MISSING_PROPERTY, UNKNOWN_KIND, WRONG_TYPE
from reconciler.domain.rules.nearest import did_you_mean
from reconciler.manifests.wording import type_name

API_VERSION: Final = "reconciler/v1"
FLOW: Final = "Flow"
OUTPUT: Final = "Output"
APPROVAL: Final = "Approval"
OVERRIDE: Final = "Override"
CALENDAR: Final = "Calendar"
MOVE: Final = "Move"
SCHEMAS: Final[Mapping[str, str]] = MappingProxyType(
    {
        FLOW: "flow",
        OUTPUT: "output",
        APPROVAL: "approval",
        OVERRIDE: "override",
        CALENDAR: "calendar",
        MOVE: "move",
    }
)
"""Every kind, and the name of its schema."""
KINDS: Final = tuple(SCHEMAS)
POLICIES: Final = frozenset({APPROVAL, OVERRIDE, CALENDAR, MOVE})
"""Kinds that say how changes are made, and not what is wanted."""

_ANY: Final = f"{', '.join(KINDS[:-1])} or {KINDS[-1]}"
_MAX_QUOTED: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What can be told of any document, however broken."""

    kind: str | None
    """One of `KINDS`; None when it is none of them, or cannot be told."""
    name: str | None
    flow: str | None
    """The flow that an output names."""

    @property
    def resource(self) -> str:
        """
        Return the address of the resource, "" when it cannot be told, or would not be fit to be shown.

        A document that says how changes are made has one of the same form, such as `calendar/NAME`.
        """
        parts = (self.flow, self.name) if self.kind == OUTPUT else (self.name,)
        if self.kind is None or not all(part is not None and NAME_FORM.fullmatch(part) for part in parts):
            return ""
        return "/".join((self.kind.lower(), *map(str, parts)))


NOBODY: Final = Identity(kind=None, name=None, flow=None)
"""Of what is no document of ours."""


def identify(value: object) -> Identity:
    """Return what a document is, from whatever of it can be read."""
    document = value if isinstance(value, dict) else {}
    kind = document.get("kind")
    return Identity(
        kind=kind if kind in KINDS else None,
        name=_text_in(document.get("metadata"), "name"),
        flow=_text_in(document.get("spec"), "flow"),
    )


def faults_of_header(value: object) -> Iterator[Fault]:
    """Return why the document's schema cannot be told; nothing when it can."""
    if not isinstance(value, dict):
        message = f"a document must be a mapping, not {type_name(value)}"
        yield Fault(rule=WRONG_TYPE, path=(), message=message, hint="begin with `apiVersion: reconciler/v1`")
    elif value.get("apiVersion", API_VERSION) != API_VERSION:
        yield Fault(
            rule=FOREIGN,
            path=("apiVersion",),
            message=f"must be {API_VERSION}{_instead(value['apiVersion'])}",
            hint="name files of other tools in .reconcilerignore",
        )
    elif "kind" not in value:
        yield Fault(rule=MISSING_PROPERTY, path=(), message="`kind` is missing", hint=_ANY)
    elif value["kind"] not in KINDS:
        yield _unknown_kind(value["kind"])


def _unknown_kind(kind: object) -> Fault:
    hint = did_you_mean(kind, KINDS) if isinstance(kind, str) else ""
    return Fault(rule=UNKNOWN_KIND, path=("kind",), message=f"must be {_ANY}{_instead(kind)}", hint=hint)


def _instead(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return f", not {text}" if text and text.isprintable() and len(text) <= _MAX_QUOTED else ""


def _text_in(value: object, key: str) -> str | None:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None
