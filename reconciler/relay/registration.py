"""How others on this machine find a running relay: `relay.json` in its state directory."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

FILE_NAME: Final = "relay.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Where a relay answers."""

    endpoint: str
    """URL, `http://127.0.0.1:8080`, as this machine reaches it."""
    pid: int
    regions: tuple[str, ...]
    """Where it keeps flows."""
    certificate: str = ""
    """Its own certificate, PEM, where it speaks TLS: who finds it here trusts this one, whatever names are in it."""
    faults: tuple[str, ...] = ()
    """Knobs of faults on purpose that are on."""
    carries: bool = True
    """Whether it carries media; without, it is the control plane alone and every end stays idle."""


def write(directory: Path, registration: Registration) -> None:
    """Say where the relay answers (0600); a reader sees the old text or the new one, whole."""
    draft = directory / f"{FILE_NAME}.new"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
        json.dump(asdict(registration), file)
    draft.replace(directory / FILE_NAME)


def read(directory: Path) -> Registration | None:
    """Return where the relay of this directory answers; None when it says nothing readable."""
    try:
        fields = json.loads((directory / FILE_NAME).read_text())
        return Registration(
            endpoint=fields["endpoint"],
            pid=fields["pid"],
            regions=tuple(fields["regions"]),
            certificate=fields.get("certificate", ""),
            faults=tuple(fields.get("faults", ())),
            carries=bool(fields.get("carries", True)),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove(directory: Path) -> None:
    """Say that no relay answers any more."""
    (directory / FILE_NAME).unlink(missing_ok=True)
