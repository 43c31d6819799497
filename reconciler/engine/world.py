"""What a use case works on: one tree of manifests, one backend, and who we are there."""

from dataclasses import dataclass, field

from reconciler.domain.in_step import InStep
from reconciler.domain.marks import Owner
from reconciler.domain.recognising import Recogniser
from reconciler.engine.guard import Guard
from reconciler.ports.backend import Backend
from reconciler.ports.clock import Clock
from reconciler.ports.journal import Journal
from reconciler.ports.notifier import Nobody, Notifier
from reconciler.ports.secrets import Vault
from reconciler.ports.source import Reader, Source
from reconciler.ports.telemetry import Telemetry, Untold
from reconciler.ports.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The ports of one reconciler, chosen once by the wiring, and the guard that remembers as long as it lives."""

    source: Source
    reader: Reader
    pin_reader: Reader
    """Reads the manifests of pins: a reader remembers one tree, and the large one must not be forgotten for them."""
    writer: Writer
    vault: Vault
    backend: Backend
    clock: Clock
    journal: Journal
    guard: Guard
    owner: Owner
    """Whose objects may be touched."""
    notifier: Notifier = field(default_factory=Nobody)
    telemetry: Telemetry = field(default_factory=Untold)
    in_step: InStep = field(default_factory=InStep, repr=False)
    """What the last plan found as it should be: the next one need not compare it again."""
    recogniser: Recogniser = field(default_factory=Recogniser, repr=False)
    """What was recognised in the last reading."""
