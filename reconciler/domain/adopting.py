"""
Adoption: which live objects that manifests describe are taken over, by writing our mark and nothing else.

An object is found by its region and live name alone: it bears no mark of ours yet. What cannot be known is never
guessed, what another owner keeps is refused, and what differs from its manifest stays for a plan to say.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from reconciler.domain import properties, refusals, secret_places
from reconciler.domain.adoptions import Adopted, Adopting, Adoption, Case, is_unread, taken_from
from reconciler.domain.changes import MARK, Action, Blocked, Edit, FlowAt, Hold
from reconciler.domain.errors import UnresolvedLinkError
from reconciler.domain.impact import Impact
from reconciler.domain.links import with_address
from reconciler.domain.marks import Mark
from reconciler.domain.matching import ours
from reconciler.domain.model import (
    Actual,
    Desired,
    Flow,
    FlowKey,
    FlowState,
    FoundFlow,
    FoundOutput,
    Key,
    Output,
    OutputKey,
    Region,
    Unreadable,
)
from reconciler.domain.properties import PropertyChange, PropertyValue
from reconciler.domain.resolution import resolve, secret_versions

Properties = dict[str, PropertyValue]

_GROUPS: Final = ("srt.encryption", "rtmpPush.destinations", "rtmpPull", "rtsp")
"""Properties that a secret belongs to: where they differ, the manifest's secret may be another one's."""


@dataclass(slots=True)
class _Sorted:
    """Where the resources have come so far."""

    adopted: list[Adopted] = field(default_factory=list)
    refused: list[Blocked] = field(default_factory=list)
    already: list[Key] = field(default_factory=list)
    absent: list[Key] = field(default_factory=list)

    def refuse(self, key: Key, why: str) -> None:
        """Remember that a resource is not taken over."""
        self.refused.append(Blocked(key=key, action=Action.EDIT, why=why, hold=Hold.OWNERSHIP))


def adoption(desired: Desired, actual: Actual, adopting: Adopting) -> Adoption:
    """
    Return what is taken over; the same for the same values, whatever their order.

    Args:
        desired: what the manifests say, its secrets as references.
        actual: what the backend has, or could not say.
        adopting: what is chosen, and by whom.

    """
    return _Adopter(desired, actual, adopting).adoption()


def unknown(desired: Desired, chosen: AbstractSet[Key]) -> tuple[Key, ...]:
    """Return what is chosen and no manifest describes."""
    known: set[Key] = {one.key for one in chain[Flow | Output](desired.flows, desired.outputs)}
    return tuple(sorted(chosen - known, key=str))


class _Adopter:
    """One adoption: the arguments, and the indexes made from them."""

    def __init__(self, desired: Desired, actual: Actual, adopting: Adopting) -> None:
        self._desired = desired
        self._actual = actual
        self._adopting = adopting
        self._sorted = _Sorted()
        self._live: dict[tuple[Region, str], list[FoundFlow]] = {}
        for live in sorted(actual.flows(), key=lambda flow: flow.id):
            self._live.setdefault((live.region, live.live_name), []).append(live)
        self._found = {
            flow.key: found[0]
            for flow in desired.flows
            if len(found := self._live.get((flow.spec.region, flow.live_name), [])) == 1
        }

    def adoption(self) -> Adoption:
        """Return all of it, flow by flow."""
        outputs: dict[FlowKey, list[Output]] = {}
        for output in sorted(self._desired.outputs, key=lambda output: output.key):
            outputs.setdefault(output.key.flow_key, []).append(output)
        for flow in sorted(self._desired.flows, key=lambda flow: flow.key):
            own = [output for output in outputs.get(flow.key, []) if self._is_chosen(output.key)]
            if own or self._is_chosen(flow.key):
                self._family(flow, own)
        done = self._sorted
        return Adoption(
            adopted=tuple(done.adopted),
            refused=tuple(done.refused),
            already=tuple(done.already),
            absent=tuple(done.absent),
        )

    def _is_chosen(self, key: Key) -> bool:
        chosen = self._adopting.chosen
        return chosen is None or key in chosen or (isinstance(key, OutputKey) and key.flow_key in chosen)

    def _family(self, flow: Flow, outputs: list[Output]) -> None:
        """Sort a flow, when it is chosen, and those of its outputs that are."""
        namesakes = self._live.get((flow.spec.region, flow.live_name), [])
        if refusal := self._refusal(flow, namesakes):
            tail = f"; its {len(outputs)} outputs stay with it" if outputs else ""
            self._sorted.refuse(flow.key, f"{refusal}{tail}")
        elif not namesakes:
            self._sorted.absent += [flow.key, *(output.key for output in outputs)]
        elif namesakes[0].mark is None and not self._is_chosen(flow.key):
            for output in outputs:
                self._sorted.refuse(output.key, f"its flow does not bear our mark: adopt {flow.key}, with its outputs")
        else:
            if self._is_chosen(flow.key):
                self._flow(flow, namesakes[0])
            for output in outputs:
                self._output(output, namesakes[0])

    def _refusal(self, flow: Flow, namesakes: list[FoundFlow]) -> str:
        """Return why nothing of this flow may be taken over, or ""."""
        region = self._actual.regions.get(flow.spec.region)
        if isinstance(region, Unreadable):
            return refusals.unreadable(flow.spec.region, region.why).why
        if region is None:
            return refusals.unserved(flow.spec.region).why
        if len(namesakes) > 1:
            return refusals.ambiguous("flows", flow.live_name, [found.id for found in namesakes]).why
        return self._not_free(namesakes[0]) if namesakes else ""

    def _not_free(self, found: FoundFlow | FoundOutput) -> str:
        """Return why an object may not be taken over whatever its manifest says, or ""."""
        if found.mark is not None and not ours(found.mark, self._adopting.owner):
            return refusals.not_ours(found.mark, self._adopting.owner, found.live_name, where="").why
        return refusals.BEYOND_MANIFESTS.why if found.spec is None else ""

    def _flow(self, flow: Flow, found: FoundFlow) -> None:
        if found.mark is not None or found.spec is None:
            self._sorted.already.append(flow.key)
            return
        spec = found.spec
        differences = self._differences(flow, properties.of_flow(found.live_name, spec))
        if flow.spec.state is not found.state:
            differences += (PropertyChange(path="state", found=str(found.state), wanted=str(flow.spec.state)),)
        self._take(
            Case(
                wanted=flow,
                flow=found,
                found=found,
                secrets=secret_places.by_path(spec),
                differences=differences,
                as_found=lambda put: replace(
                    flow, live_name=found.live_name, spec=secret_places.in_flow(replace(spec, state=found.state), put)
                ),
            )
        )

    def _output(self, output: Output, flow: FoundFlow) -> None:
        namesakes = [found for found in flow.outputs if found.live_name == output.live_name]
        if not namesakes:
            self._sorted.absent.append(output.key)
        elif len(namesakes) > 1:
            ids = [found.id for found in namesakes]
            self._sorted.refuse(output.key, refusals.ambiguous("outputs", output.live_name, ids).why)
        elif why := self._not_free(namesakes[0]):
            self._sorted.refuse(output.key, why)
        else:
            self._only_output(output, namesakes[0], flow)

    def _only_output(self, output: Output, found: FoundOutput, flow: FoundFlow) -> None:
        if found.mark is not None or found.spec is None:
            self._sorted.already.append(output.key)
            return
        spec = found.spec
        self._take(
            Case(
                wanted=output,
                flow=flow,
                found=found,
                secrets=secret_places.by_path(spec),
                differences=self._differences(output, properties.of_output(found.live_name, spec)),
                as_found=lambda put: replace(
                    output, live_name=found.live_name, spec=secret_places.in_output(spec, put)
                ),
            )
        )

    def _take(self, case: Case) -> None:
        """Take one object over, or say why its secrets keep it from being."""
        key, resolved = case.wanted.key, case.wanted
        if case.is_masked:
            if why := self._why_not_sent(case):
                self._sorted.refuse(key, why)
                return
            looked_up = self._resolved(case.wanted)
            if isinstance(looked_up, str):
                self._sorted.refuse(key, f"{_MASKED}, and it has to be sent with the mark: {looked_up}")
                return
            resolved = looked_up
        as_found = case.as_found(taken_from(resolved))
        mark = Mark(
            owner=self._adopting.owner,
            name=key.name,
            secret_versions=secret_versions(as_found.spec),
            protected=as_found.care.protected,
        )
        edit = Edit(
            key=key,
            at=FlowAt(case.flow.region, case.flow.live_name),
            wanted=as_found,
            found=case.found,
            differences=(PropertyChange(path=MARK, found=None, wanted=str(mark)),),
            impact=Impact.NONE,
            why="a manifest describes it, and nobody keeps it yet",
        )
        self._sorted.adopted.append(
            Adopted(
                edit=edit,
                state=case.flow.state,
                differences=case.differences,
                unresolved=self._unresolved(case.wanted),
                sends_secrets=case.is_masked,
            )
        )

    def _why_not_sent(self, case: Case) -> str:
        """Return why the manifest's secrets may not stand in for those that the backend masks, or ""."""
        near = [one.path for one in case.differences if one.path.removeprefix("input.").startswith(_GROUPS)]
        if near:
            return f"{_MASKED}, and its manifest differs in {', '.join(near)}, so that its secret may be another one"
        if case.flow.state is FlowState.RUNNING and not self._adopting.sends_secrets:
            return (
                f"{_MASKED}, so that the manifest's has to be sent with the mark, and another one would cut a flow "
                "that runs off. Say --send-secrets where they are surely the same, or adopt it while it is idle"
            )
        return ""

    def _resolved(self, wanted: Flow | Output) -> Flow | Output | str:
        """Return the resource with its secrets' values, or why one of them cannot be used."""
        alone = Desired(flows=(wanted,)) if isinstance(wanted, Flow) else Desired(outputs=(wanted,))
        resolved = resolve(alone, self._adopting.look_up)
        if resolved.failed:
            return resolved.failed[0].why
        either: tuple[Flow | Output, ...] = (*resolved.desired.flows, *resolved.desired.outputs)
        return either[0]

    def _unresolved(self, wanted: Flow | Output) -> str:
        resolved = self._resolved(wanted)
        return resolved if isinstance(resolved, str) else ""

    def _differences(self, wanted: Flow | Output, found: Properties) -> tuple[PropertyChange, ...]:
        """Return what a plan would say; secrets that the backend tells are compared where ours can be looked up."""
        resolved = self._resolved(wanted)
        after = properties.of(self._addressed(wanted if isinstance(resolved, str) else resolved))
        return tuple(one for one in properties.differences(after, found, new_secrets=False) if not is_unread(one))

    def _addressed(self, wanted: Flow | Output) -> Flow | Output:
        """Return an output with its link replaced by the address that it stands for, where that is known."""
        if isinstance(wanted, Flow):
            return wanted
        try:
            return with_address(wanted, self._found.get)
        except UnresolvedLinkError:
            return wanted


_MASKED: Final = "the backend does not tell its secret"
