"""Settings from layers, each of which may be left out."""

from collections.abc import Mapping
from typing import Any

from reconciler.settings import Layers, Settings, settings_from


def told(*, flags: Any = None, env: Mapping[str, str] | None = None, file: Any = None) -> Settings:
    """Return the settings that these layers say."""
    return settings_from(Layers(flags=flags or {}, environment=env or {}, file=file or {}))
