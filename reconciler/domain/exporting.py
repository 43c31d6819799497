"""What a live account says in the words of manifests: the flows and outputs, their secrets, and what is left out."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from reconciler.domain import secret_places
from reconciler.domain.marks import Mark, Owner
from reconciler.domain.matching import ours
from reconciler.domain.model import (
    Actual,
    Care,
    Flow,
    FlowKey,
    FoundFlow,
    FoundOutput,
    Key,
    Output,
    OutputKey,
)
from reconciler.domain.naming import Names, fit
from reconciler.domain.secrets import Secret, SecretRef, SecretSource, SecretValue

DEFAULT_PREFIX: Final = "STREAM_"
"""What environment variables begin with that the setting `secrets.env` lets manifests name by default."""


class Scope(StrEnum):
    """Which live objects are written."""

    MINE = "mine"
    """Ours, and those without any mark."""
    ALL = "all"
    """Those of other owners, too."""
    UNMARKED = "unmarked"
    """Only those without any mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be written, and how."""

    owner: Owner
    """Whose marks are ours."""
    scope: Scope = Scope.MINE
    flows: frozenset[str] = frozenset()
    """Live names or names in our mark; empty for all."""
    secrets: SecretSource = SecretSource.ENV
    """What references to secrets are."""
    prefix: str = DEFAULT_PREFIX
    """What names of environment variables begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSet:
    """A secret that manifests refer to, and that somebody has to put there."""

    key: Key
    ref: SecretRef
    path: str
    """Where it stands in the resource, such as `srt.encryption.passphrase`."""
    value: Secret | None
    """None where the backend does not tell it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A live object that no manifest is written for."""

    what: str
    """Kind, live name and place, for people."""
    why: str
    is_others: bool = False
    """Whether the reason is only that another owner keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFlow:
    """One file: a flow with its outputs."""

    flow: Flow
    is_written: bool
    """Whether the flow itself is; its outputs alone may be, where it has a manifest already."""
    outputs: tuple[Output, ...]
    """By live name."""
    secrets: tuple[ToSet, ...]
    """Of the flow and then of its outputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """All that is written."""

    flows: tuple[ExportedFlow, ...] = ()
    """By region and live name."""
    left_out: tuple[LeftOut, ...] = ()

    @property
    def secrets(self) -> tuple[ToSet, ...]:
        """Return every secret that is referred to."""
        return tuple(secret for flow in self.flows for secret in flow.secrets)


@dataclass(slots=True)
class _Draft:
    """What one export has come to so far."""

    wish: Wish
    variables: Names = field(default_factory=Names)
    secrets: list[ToSet] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def export(actual: Actual, wish: Wish) -> Export:
    """Return the account in the words of manifests; the same for the same account, in whatever order it was listed."""
    draft = _Draft(wish)
    found = sorted(actual.flows(), key=lambda flow: (flow.region, flow.live_name, flow.id))
    # Names are given to all, so that a flow has the same one when it is written alone.
    names = _names(found, wish.owner, otherwise="flow")
    meant = [flow for flow in found if _is_meant(flow, wish)]
    whole = [exported for flow in meant if (exported := _flow(flow, names[flow.id], found, draft)) is not None]
    return Export(flows=tuple(whole), left_out=tuple(draft.left_out))


def without(export_: Export, refused: dict[Key, str]) -> Export:
    """Return the export without resources that no manifest can say, for the reasons given; outputs go with a flow."""
    flows: list[ExportedFlow] = []
    left_out = list(export_.left_out)
    for one in export_.flows:
        if one.flow.key in refused:
            count = len(one.outputs)
            tail = f"; its {count} outputs are left out with it" if count else ""
            left_out.append(LeftOut(what=_shown_flow(one.flow), why=f"{refused[one.flow.key]}{tail}"))
            continue
        left_out += (
            LeftOut(what=_shown_output(output, one.flow), why=refused[output.key])
            for output in one.outputs
            if output.key in refused
        )
        flows.append(
            replace(
                one,
                outputs=tuple(output for output in one.outputs if output.key not in refused),
                secrets=tuple(secret for secret in one.secrets if secret.key not in refused),
            )
        )
    return Export(flows=tuple(flows), left_out=tuple(left_out))


def named(actual: Actual, wish: Wish) -> AbstractSet[str]:
    """Return those of the flows that are asked for by name which the account does not have."""
    return {name for name in wish.flows if not any(_bears(flow, name, wish.owner) for flow in actual.flows())}


def _bears(flow: FoundFlow, name: str, owner: Owner) -> bool:
    return flow.live_name == name or (flow.mark is not None and flow.mark.owner == owner and flow.mark.name == name)


def _is_meant(flow: FoundFlow, wish: Wish) -> bool:
    return not wish.flows or any(_bears(flow, name, wish.owner) for name in wish.flows)


def _names(found: Sequence[FoundFlow | FoundOutput], owner: Owner, *, otherwise: str) -> dict[str, str]:
    """Return the manifest's name of each object by its id; what our marks say is given out first."""
    names = Names()
    given: dict[str, str] = {}
    for each in sorted(found, key=lambda one: not ours(one.mark, owner)):
        said = each.mark.name if each.mark is not None and ours(each.mark, owner) else None
        given[each.id] = names.give(said or fit(each.live_name, otherwise=otherwise))
    return given


def _flow(found: FoundFlow, name: str, flows: Sequence[FoundFlow], draft: _Draft) -> ExportedFlow | None:
    what = f"flow {found.live_name!r} in {found.region}"
    namesakes = [flow.id for flow in flows if (flow.region, flow.live_name) == (found.region, found.live_name)]
    if _is_left_out(found, what, namesakes, draft) or found.spec is None:
        return None
    key = FlowKey(name)
    draft.secrets = []
    spec = secret_places.in_flow(found.spec, _referring(key, found.mark, draft))
    flow = Flow(
        key=key, live_name=found.live_name, spec=replace(spec, state=found.state), care=_care(found.mark, draft)
    )
    is_written = not _has_manifest(found.mark, draft.wish)
    if not is_written:
        draft.secrets = []
    outputs = tuple(_outputs(found, name, draft))
    if not (is_written or outputs):
        return None
    return ExportedFlow(flow=flow, is_written=is_written, outputs=outputs, secrets=tuple(draft.secrets))


def _outputs(flow: FoundFlow, flow_name: str, draft: _Draft) -> Iterator[Output]:
    outputs = sorted(flow.outputs, key=lambda output: (output.live_name, output.id))
    names = _names(outputs, draft.wish.owner, otherwise="output")
    for found in outputs:
        what = f"output {found.live_name!r} of flow {flow.live_name!r} in {flow.region}"
        namesakes = [output.id for output in outputs if output.live_name == found.live_name]
        if _has_manifest(found.mark, draft.wish) or _is_left_out(found, what, namesakes, draft) or found.spec is None:
            continue
        key = OutputKey(flow_name, names[found.id])
        spec = secret_places.in_output(found.spec, _referring(key, found.mark, draft))
        yield Output(key=key, live_name=found.live_name, spec=spec, care=_care(found.mark, draft))


def _has_manifest(mark: Mark | None, wish: Wish) -> bool:
    """Return whether an object is passed over because only those without a mark are meant."""
    return wish.scope is Scope.UNMARKED and ours(mark, wish.owner)


def _is_left_out(found: FoundFlow | FoundOutput, what: str, namesakes: Sequence[str], draft: _Draft) -> bool:
    """Return whether no manifest is written for an object, and remember why."""
    mark, is_others = found.mark, False
    if mark is not None and not ours(mark, draft.wish.owner) and draft.wish.scope is not Scope.ALL:
        why, is_others = f"another owner, {mark.owner!r}, keeps it", True
    elif mark is not None and mark.twin:
        why = "it is a twin, made to take the place of another one, which is still in use"
    elif len(namesakes) > 1:
        why = f"{len(namesakes)} bear this name ({', '.join(namesakes)}); rename or delete all but one"
    else:
        why = found.beyond or ("" if found.spec is not None else "manifests cannot describe it")
    if why:
        draft.left_out.append(LeftOut(what=what, why=why, is_others=is_others))
    return bool(why)


def _care(mark: Mark | None, draft: _Draft) -> Care:
    return Care(protected=mark is not None and ours(mark, draft.wish.owner) and mark.protected)


def _referring(key: Key, mark: Mark | None, draft: _Draft) -> secret_places.Put:
    """Return what puts references in the places of secrets; the first has the versions that our mark speaks of."""
    versions = [mark.secret_versions] if mark is not None and ours(mark, draft.wish.owner) else []

    def put(path: str, found: SecretValue) -> SecretRef:
        source = draft.wish.secrets
        ref = SecretRef(source=source, name=_secret_name(key, path, draft), version=versions.pop() if versions else 0)
        value = found if isinstance(found, Secret) else None
        draft.secrets.append(ToSet(key=key, ref=ref, path=path, value=value))
        return ref

    return put


def _secret_name(key: Key, path: str, draft: _Draft) -> str:
    """Return a name that no other secret of this export has, such as STREAM_NEWS_TOWER_PASSPHRASE."""
    owned = [key.name] if isinstance(key, FlowKey) else [key.flow, key.name]
    *_, last = path.split(".")
    word = {"passphrase": "PASSPHRASE", "streamKey": "KEY", "password": "PASSWORD"}[last]
    wish = "_".join((*owned, word))
    if draft.wish.secrets is SecretSource.FILE:
        return draft.variables.give(wish.lower(), longest=None)
    return draft.variables.give(f"{draft.wish.prefix}{wish.upper()}", longest=None)


def _shown_flow(flow: Flow) -> str:
    return f"flow {flow.live_name!r} in {flow.spec.region}"


def _shown_output(output: Output, flow: Flow) -> str:
    return f"output {output.live_name!r} of {_shown_flow(flow)}"


def secret_prefix(patterns: Iterable[str]) -> str:
    """Return what variables begin with that these patterns, the setting `secrets.env`, let manifests name."""
    known = tuple(patterns)
    if f"{DEFAULT_PREFIX}*" in known:
        return DEFAULT_PREFIX
    return next(
        (pattern[:-1] for pattern in known if pattern.endswith("*") and "*" not in pattern[:-1]), DEFAULT_PREFIX
    )
