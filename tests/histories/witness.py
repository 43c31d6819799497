"""A witness beside the relay's catalogue: what may never be there, whatever goes wrong."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from reconciler.domain import marks
from reconciler.domain.marks import Mark
from reconciler.relay.api.calls import Call
from reconciler.relay.flows import Flow
from reconciler.relay.plane import ControlPlane
from reconciler.streamlink.wire import ACTIONS
from tests.builders import US


class BrokenPromiseError(Exception):
    """Something was there, or was sent, that never may."""


@dataclass(slots=True)
class Witness:
    """Looks at every write before and after it; remembers what was wrong, for nobody may swallow it."""

    time_s: Callable[[], float]
    calls: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)
    """Every write, and whatever else makes a history told."""
    broken: list[str] = field(default_factory=list)

    def before(self, plane: ControlPlane, call: Call) -> None:
        """Look at a call before it is carried out."""
        self.calls[call.action] += 1
        if ACTIONS[call.action].writes:
            self.tell(f"{call.action} {call.region} {_brief(call)}")
        flow = plane.catalogue.flow(call.payload.get("FlowId", ""))
        if ACTIONS[call.action].writes and flow is not None and not is_ours(flow):
            self.broken.append(f"{call.action} of {flow.name}, which is not ours")
        if call.action == "CreateStreamLinkFlow":
            there = (mark_of(each) for each in plane.catalogue.flows(call.region))
            self._once(_mark(call.payload["InputGroup"][0]), there, call.action)
        if call.action == "CreateStreamLinkOutputInfo" and flow is not None:
            there = (_mark(output.asked) for output in flow.outputs)
            self._once(_mark(call.payload["Output"]), there, f"{call.action} in {flow.name}")

    def tell(self, what: str) -> None:
        """Write down what happens."""
        self.log.append(f"{self.time_s():8.2f} s {what}")

    def after(self, plane: ControlPlane, call: Call) -> None:
        """Look at what is there after a call."""
        for name, count in _counted(plane.catalogue.flows()).items():
            if count > 1:
                self.broken.append(f"{count} times {name} after {call.action}")

    def _once(self, mark: Mark | None, there: Iterator[Mark | None], what: str) -> None:
        same = [each for each in there if each and mark and (each.owner, each.name) == (mark.owner, mark.name)]
        if mark and any(each.twin == mark.twin for each in same):
            self.broken.append(f"{what}: {mark} is there already")


def _counted(flows: tuple[Flow, ...]) -> Counter[str]:
    """Count what bears our mark; the twin of something is another thing."""
    found: Counter[str] = Counter()
    for flow in flows:
        mark = mark_of(flow)
        if mark is None or mark.owner != US:
            continue
        found[f"flow {mark.name} twin={mark.twin} in {flow.region}"] += 1
        ours = (each for output in flow.outputs if (each := _mark(output.asked)) and each.owner == US)
        found.update(f"output {each.name} twin={each.twin} in {flow.id}" for each in ours)
    return found


def _brief(call: Call) -> str:
    payload = call.payload
    ends = [*payload.get("InputGroup", ()), payload.get("Input"), payload.get("Output")]
    names = [f"{end.get('OutputName', '')} {end.get('Description', '')}" for end in ends if end]
    ids = [payload.get("FlowId", "")[-6:], payload.get("OutputId", "")[-6:], payload.get("FlowName", "")]
    return " ".join(word for word in (*ids, *names) if word)


def is_ours(flow: Flow) -> bool:
    """Return whether the flow's input bears our mark."""
    mark = mark_of(flow)
    return mark is not None and mark.owner == US


def mark_of(flow: Flow) -> Mark | None:
    """Return the mark of a flow's input."""
    return _mark(flow.inputs[0].asked) if flow.inputs else None


def _mark(asked: Any) -> Mark | None:
    return marks.split(asked.get("Description") or "")[1]
