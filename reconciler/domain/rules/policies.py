"""Rules between the documents that say how changes are made, and what they say together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.domain.changes import Action
from reconciler.domain.documents import NAME, Fault, Path, PolicyDocument, shown_name
from reconciler.domain.findings import Finding, Severity
from reconciler.domain.model import FlowKey, Key, OutputKey, ResourceKind
from reconciler.domain.policies import Approval, Calendar, Override, Policies
from reconciler.domain.rules import moves
from reconciler.domain.rules.catalogue import (
    DUPLICATE_NAME,
    NEEDLESS_APPROVAL,
    SAME_CHANGE,
    UNKNOWN_RESOURCE,
)
from reconciler.domain.rules.known import Known

_RESOURCE: Path = ("spec", "resource")
_ACTION: Path = ("spec", "action")
_CHANGE: Path = ("spec", "change")
_FLOWS: Path = ("spec", "flows")

_NEED_NONE: Final = {Action.CREATE: FlowKey, Action.START: OutputKey}
"""What sends to nobody: a flow that is made stands still, and an output is not started by itself."""
_OF_THE_LIVING: Final = frozenset({Action.CREATE, Action.EDIT, Action.RECREATE, Action.START})
"""What is done to resources that manifests have; what goes is in none any more, or is stopped because it goes."""

Told = Iterator[tuple[PolicyDocument, Fault]]
"""Faults, each with the document that it is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyJudgement:
    """What the documents say together."""

    findings: tuple[Finding, ...]
    policies: Policies
    """Of the documents without an error, in their order."""


NO_POLICIES: Final = PolicyJudgement(findings=(), policies=Policies())
"""Of a tree without such documents, as nearly all are."""


def needless(key: Key | None, action: str) -> Iterator[Fault]:
    """Return the fault of an approval of what no guard asks about; of no resource that is named nothing is known."""
    if isinstance(key, _NEED_NONE.get(Action(action), ())):
        message = f"a {action} of {key} needs no approval: it takes nothing off the air"
        yield Fault(rule=NEEDLESS_APPROVAL, path=_ACTION, message=message, hint="remove the document")


def judge(documents: Sequence[PolicyDocument], known: Known) -> PolicyJudgement:
    """Return what these documents say together, in a tree that defines what is known."""
    moving = moves.settled(documents)
    told = [
        *_same_names(documents),
        *_unknown_flows(documents, known),
        *_unknown_resources(documents, known),
        *_same_changes(documents),
        *moves.check(moving, known),
    ]
    spoilt = {document for document, fault in told if fault.rule.severity is Severity.ERROR}
    sound = [one.policy for one in documents if one not in spoilt]
    return PolicyJudgement(
        findings=tuple(fault.at(document.place) for document, fault in told),
        policies=Policies(
            approvals=tuple(one for one in sound if isinstance(one, Approval)),
            overrides=tuple(one for one in sound if isinstance(one, Override)),
            calendars=tuple(one for one in sound if isinstance(one, Calendar)),
            moves=tuple(one.move for one in moving if one.document not in spoilt),
        ),
    )


def _same_names(documents: Sequence[PolicyDocument]) -> Told:
    first: dict[tuple[str, str], PolicyDocument] = {}
    for document in documents:
        if document.name is None:
            continue
        earlier = first.setdefault((document.kind, document.name.casefold()), document)
        if earlier is not document:
            message = f"another {document.kind} has this name already{shown_name(document.name)}"
            hint = f"it is at {earlier.place.at(NAME)}"
            yield document, Fault(rule=DUPLICATE_NAME, path=NAME, message=message, hint=hint)


def _unknown_flows(documents: Sequence[PolicyDocument], known: Known) -> Told:
    for document in documents:
        for index, name in enumerate(document.flows):
            for fault in known.unknown_flow(name, (*_FLOWS, index)):
                yield document, fault


def _unknown_resources(documents: Sequence[PolicyDocument], known: Known) -> Told:
    for document in documents:
        key = _resource_of(document)
        if key is not None and known.lacks(key):
            hint = known.did_you_mean(key) or "correct the address, or remove the document"
            yield document, Fault(rule=UNKNOWN_RESOURCE, path=_RESOURCE, message=f"there is no {key}", hint=hint)


def _resource_of(document: PolicyDocument) -> Key | None:
    """Return the resource that must be among the manifests for a document to have an effect."""
    policy = document.policy
    if not isinstance(policy, Approval | Override) or policy.action not in _OF_THE_LIVING:
        return None
    named = policy.resource if isinstance(policy, Approval) else policy.of
    return None if isinstance(named, ResourceKind) else named


def _same_changes(documents: Sequence[PolicyDocument]) -> Told:
    first: dict[tuple[Key, Action, str], PolicyDocument] = {}
    for document in documents:
        if not isinstance(document.policy, Approval):
            continue
        approved = document.policy
        earlier = first.setdefault((approved.resource, approved.action, approved.change), document)
        if earlier is not document:
            message = f"this change of {approved.resource} is approved already"
            hint = f"it is at {earlier.place.at(_CHANGE)}; keep the one that expires later"
            yield document, Fault(rule=SAME_CHANGE, path=_CHANGE, message=message, hint=hint)
