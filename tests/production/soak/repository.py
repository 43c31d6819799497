"""The repository of the manifests: real YAML, committed by a seed, and at times late, broken or out of reach."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from reconciler.domain.changes import Action
from reconciler.domain.errors import SourceUnreadableError
from reconciler.domain.model import Flow, FlowKey, Key, Output, OutputKey, ResourceKind
from reconciler.domain.policies import Approval, Move
from reconciler.manifests.writing import ManifestWriter
from reconciler.ports.source import ManifestFile, Revision, Snapshot
from tests.histories.trees import Trees

_LOST_HINTS: Final = 0.2
"""Of all commits."""
_KEPT: Final = 8
"""Approvals, and commits, that are remembered."""
_FLOWS: Final = 16
_OUTPUTS: Final = 4
_BEGINNING: Final = 24
"""Times that a few things are changed until the first commit."""
_EXPIRES: Final = "2100-01-01T00:00:00Z"

Version = dict[Key, Flow | Output]
"""All that one commit says, by what it is about."""


@dataclass(frozen=True, slots=True)
class _Tree:
    flows: dict[FlowKey, Flow]
    outputs: dict[OutputKey, Output]
    renamed: dict[Key, Key]


class Repository:
    """Implements `ports.source.Source`, for one process after another."""

    name = "repository"
    is_whole = True
    proven_at = None

    def __init__(self, dice: Random) -> None:
        self.trouble = ""
        """Why what is there is not the newest."""
        self.problem = ""
        """Why nothing can be read."""
        self.is_broken = False
        """Whether one file is no YAML."""
        self.commits = 0
        self.past: deque[tuple[str, Version]] = deque(maxlen=_KEPT)
        """The last commits with their revisions, the oldest first."""
        self._dice = dice
        self._trees = Trees(dice, most_flows=_FLOWS, most_outputs=_OUTPUTS)
        self._approvals: deque[Approval] = deque(maxlen=_KEPT)
        self._writer = ManifestWriter()
        self._hint: asyncio.Event | None = None
        self._now = Snapshot(revision=Revision(""), files=())
        for _ in range(_BEGINNING):
            self._trees.commit()
        self._first = self._tree()
        self._write()

    @property
    def revision(self) -> str:
        """Return the newest."""
        return self._now.revision

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Return those of the last commit."""
        return tuple(self._trees.outputs.values())

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Return those of the last commit."""
        return tuple(self._trees.flows.values())

    def commit(self) -> None:
        """Change a few things."""
        self._trees.commit()
        self._write()

    def approve(self, approval: Approval) -> None:
        """Commit an approval, unless it is there."""
        if all((each.resource, each.change) != (approval.resource, approval.change) for each in self._approvals):
            self._approvals.append(approval)
            self._write()

    def turn_back(self) -> None:
        """Commit the first tree once more, and forget what was between."""
        self._trees.flows = dict(self._first.flows)
        self._trees.outputs = dict(self._first.outputs)
        self._trees.renamed = dict(self._first.renamed)
        self._approvals.clear()
        self.past.clear()
        self._write()

    def break_it(self, *, is_broken: bool) -> None:
        """Commit a file that is no YAML, or mend it."""
        self.is_broken = is_broken
        self._write()

    async def snapshot(self) -> Snapshot:
        """Return the last commit, where it can be read."""
        await asyncio.sleep(0)
        if self.problem:
            raise SourceUnreadableError(self.problem)
        return Snapshot(revision=self._now.revision, files=self._now.files, trouble=self.trouble)

    def watch(self, hint: asyncio.Event) -> None:
        """Set the event with most commits."""
        self._hint = hint

    def wake(self) -> None:
        """Say that there may be something new."""
        if self._hint is not None:
            self._hint.set()

    def close(self) -> None:
        """Stop watching."""
        self._hint = None

    def _tree(self) -> _Tree:
        trees = self._trees
        return _Tree(dict(trees.flows), dict(trees.outputs), dict(trees.renamed))

    def _write(self) -> None:
        self.commits += 1
        texts = {f"manifests/{flow.key.name}.yaml": self._text_of(flow) for flow in self.flows}
        texts["manifests/policies.yaml"] = self._policies()
        if self.is_broken:
            texts["manifests/broken.yaml"] = "spec: [\n"
        named = hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()
        files = tuple(ManifestFile(path=path, content=text.encode()) for path, text in sorted(texts.items()))
        self._now = Snapshot(revision=Revision(named), files=files)
        self.past.append((named, {each.key: each for each in self._trees.resources}))
        if self._hint is not None and self._dice.random() >= _LOST_HINTS:
            self._hint.set()

    def _text_of(self, flow: Flow) -> str:
        outputs = (output for output in self.outputs if output.key.flow_key == flow.key)
        documents = [self._writer.document(output, region=flow.spec.region) for output in outputs]
        return self._writer.file([self._writer.document(flow), *documents], head=[])

    def _policies(self) -> str:
        documents = [*map(_move, self._trees.moves), *map(self._writer.approval, self._approvals), *_overrides()]
        return "---\n".join(documents)


def _move(move: Move) -> str:
    return _document("Move", move.name.replace("-", "_"), f"{{from: {move.before}, to: {move.now}}}")


def _overrides() -> Iterator[str]:
    """Yield what lets a tree change as wildly as this one does."""
    for kind in ResourceKind:
        for action in Action:
            said = f"{{kind: {kind}, action: {action}, lifts: [budget, tree], reason: it is wild, expires: {_EXPIRES}}}"
            yield _document("Override", f"{kind}_{action}".lower(), said)


def _document(kind: str, name: str, spec: str) -> str:
    return f"apiVersion: reconciler/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
