"""
Settings: what may be chosen, from a flag, the environment or the settings file, in one frozen value.

A flag wins over the environment, the environment over `reconciler.yaml`, and that over the default. This package only
knows how to read them from mappings; `wiring` fetches the mappings. Secrets come from the environment alone.
"""

from reconciler.settings.choices import (
    AUTO,
    BackendKind,
    BackendSettings,
    LogFormat,
    Settings,
    Signatures,
    SourceSettings,
)
from reconciler.settings.layers import DEFAULT_FILE, DEFAULT_STATE, Layers, settings_from

__all__ = [
    "AUTO",
    "DEFAULT_FILE",
    "DEFAULT_STATE",
    "BackendKind",
    "BackendSettings",
    "Layers",
    "LogFormat",
    "Settings",
    "Signatures",
    "SourceSettings",
    "settings_from",
]
