"""
Manifest documents: what each one says on its own, and where in its file it says it.

Documents and drafts are not frozen, though nobody changes them: a large tree makes ten thousand of each, and to freeze
one takes more time than to make it.
"""

import re
from dataclasses import dataclass, replace
from typing import Final
from typing import Protocol as Interface

from reconciler.domain.findings import Finding, Position, Rule
from reconciler.domain.model import Care, Flow, Output, OutputKey, OutputSettings, OutputSpec, Region, Srt
from reconciler.domain.policies import Approval, Calendar, Move, Override
from reconciler.domain.protocols import Protocol
from reconciler.domain.regions import latency_for

Path = tuple[str | int, ...]
"""Names and indexes that lead from a document to a value in it."""

NAME: Path = ("metadata", "name")
"""Where every document says its name."""


NAME_FORM: Final = re.compile(r"[A-Za-z0-9_]{1,32}")
"""Names that can stand."""


NO_CARE: Final = Care()
"""Of a resource that asks for none: one value for all of them."""


def shown_name(name: str) -> str:
    """Return a name for the end of a message; nothing when it is none, for then it may be anything."""
    return f": {name}" if NAME_FORM.fullmatch(name) else ""


def pointer(path: Path) -> str:
    """Return the path as a JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


class Place(Interface):
    """Where a document is, and what it describes."""

    @property
    def resource(self) -> str:
        """Return the address of the resource that the document describes, "" when it cannot be told."""
        ...

    def at(self, path: Path, *, on_key: bool = False) -> Position:
        """Return where the value at `path` is, or its key; the nearest value around it when it is not there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong at one path of a document."""

    rule: Rule
    path: Path
    message: str
    hint: str = ""
    on_key: bool = False
    """Whether the key is to blame, and not its value."""
    is_hidden: bool = False
    """Whether the last part of the path may be a secret, so that the pointer leaves it out."""

    def at(self, place: Place) -> Finding:
        """Return the finding, with its line and column."""
        return Finding(
            rule=self.rule,
            at=place.at(self.path, on_key=self.on_key),
            message=self.message,
            hint=self.hint,
            pointer=pointer(self.path[:-1] if self.is_hidden else self.path),
            resource=place.resource,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """A latency that names the country at the far end."""

    country: str
    """ISO 3166-1 alpha-2, assigned."""
    latency_ms: int | None
    """The number that is stated beside it, if any; it wins over the advice."""

    def latency_from(self, region: Region) -> int:
        """Return the latency that holds for an end in this region, milliseconds."""
        return self.latency_ms if self.latency_ms is not None else latency_for(region, self.country)


@dataclass(slots=True, kw_only=True)
class OutputDraft:
    """An output as its document says it; what it takes from its flow is still open."""

    key: OutputKey
    live_name: str
    region: Region | None
    """None for the flow's."""
    protocol: Protocol
    settings: OutputSettings
    distance: Distance | None
    """When given, it decides the latency once the region is known."""
    description: str
    allowlist: tuple[str, ...] | None
    max_concurrent: int | None
    care: Care = NO_CARE

    def settled(self, flow_region: Region) -> Output:
        """Return the whole output in a flow of this region."""
        region = self.region or flow_region
        settings = self.settings
        if self.distance is not None and isinstance(settings, Srt):
            settings = replace(settings, latency_ms=self.distance.latency_from(region))
        return Output(
            key=self.key,
            live_name=self.live_name,
            spec=OutputSpec(
                region=region,
                protocol=self.protocol,
                settings=settings,
                description=self.description,
                allowlist=self.allowlist,
                max_concurrent=self.max_concurrent,
            ),
            care=self.care,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDraft:
    """A flow as its document says it: whole, for it takes nothing from others."""

    flow: Flow
    distance: Distance | None


@dataclass(slots=True, kw_only=True, eq=False)
class FlowDocument:
    """A document of kind Flow. Two are the same only when they are one object."""

    place: Place
    name: str | None
    """None when the document is broken so that its name cannot be told."""
    draft: FlowDraft | None
    """None when the document has an error of its own."""


@dataclass(slots=True, kw_only=True, eq=False)
class OutputDocument:
    """A document of kind Output. Two are the same only when they are one object."""

    place: Place
    name: str | None
    """None when the document is broken so that its name cannot be told."""
    flow: str | None
    """The flow that it names, as written; None when that cannot be told."""
    draft: OutputDraft | None
    """None when the document has an error of its own."""


Policy = Approval | Override | Calendar | Move
"""What a document says of how changes are made."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PolicyDocument:
    """A document that says how changes are made. Two are the same only when they are one object."""

    place: Place
    kind: str
    """As the document says it: Approval, Override, Calendar or Move."""
    name: str | None
    """None when the document is broken so that its name cannot be told."""
    policy: Policy | None
    """None when the document has an error of its own."""
    flows: tuple[str, ...] = ()
    """The flows that a calendar names, in the order in which it names them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LostDocument:
    """A document whose kind cannot be told. It may be the flow that another one names."""

    place: Place
    name: str | None


Document = FlowDocument | OutputDocument | PolicyDocument | LostDocument
