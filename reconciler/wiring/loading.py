"""Files that are named and are no manifests: settings, faults, and saved plans."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.domain.errors import UsageError
from reconciler.settings import DEFAULT_FILE, Layers, Settings, settings_from
from reconciler.wiring import machine

if TYPE_CHECKING:
    from reconciler.domain.saved_plans import SavedPlan
    from reconciler.relay.faults.injection import Faults


def load_settings(
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """
    Return the settings that flags, the environment and the settings file say, in this order.

    Args:
        config: the settings file; None for `RECONCILER_CONFIG`, else `reconciler.yaml` where it is there.
        flags: by path, such as `backend.owner`; None where not given.
        environment: the process's own when None.

    Raises:
        UsageError: a setting is not allowed, or the file is not there.

    """
    environment = machine.variables() if environment is None else environment
    named = config or environment.get("RECONCILER_CONFIG")
    path = Path(named) if named else DEFAULT_FILE
    if named and not path.is_file():
        raise UsageError(f"The settings file {path} is not there")
    content = _file_of(path, "config", "settings") if path.is_file() else {}
    return settings_from(Layers(flags=flags or {}, environment=environment, file=content, file_name=str(path)))


def load_faults(path: Path) -> "Faults | None":
    """
    Return what a relay is to do wrong on purpose; None where the file turns no knob on.

    Raises:
        UsageError: the file is not there, or does not fit its schema.

    """
    from reconciler.relay.faults.injection import Faults
    from reconciler.relay.faults.knobs import knobs_from

    knobs = knobs_from(_file_of(path, "faults", "faults"))
    return Faults(*knobs) if knobs else None


def load_plan(path: Path) -> "SavedPlan":
    """
    Return the plan that was saved in a file.

    Raises:
        UsageError: it cannot be read, or is no such file.

    """
    from reconciler.manifests import plan_file

    try:
        with path.open("rb") as file:
            content = file.read(plan_file.MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"The plan {path} cannot be read: {error.strerror}") from error
    return plan_file.read_plan(content, called=str(path))


def saved_document(plan: "SavedPlan") -> Mapping[str, Any]:
    """Return what is written into the file of a saved plan."""
    from reconciler.manifests import plan_file

    return plan_file.document(plan)


def _file_of(path: Path, schema: str, called: str) -> Mapping[str, Any]:
    from reconciler.manifests.settings_file import read_settings
    from reconciler.ports.source import ManifestFile

    try:
        file = ManifestFile(path=str(path), content=path.read_bytes())
    except OSError as error:
        raise UsageError(f"The {called} file {path} cannot be read: {error.strerror}") from error
    reading = read_settings(file, schema)
    if reading.findings:
        raise UsageError("\n".join([f"The {called} file is wrong:", *map(str, reading.findings)]))
    return reading.values
