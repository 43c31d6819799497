"""Wiring: from settings to the chosen implementations; the only place that picks, and that reads the environment."""

import asyncio
import contextlib
import json
import os
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.domain.errors import UnavailableError, UsageError
from reconciler.domain.marks import Owner
from reconciler.domain.model import Region
from reconciler.engine.loop import Loop, Timing, Watcher
from reconciler.engine.reconcile import PassOutcome
from reconciler.engine.world import World
from reconciler.settings import (
    DEFAULT_FILE,
    Account,
    BackendKind,
    BackendSettings,
    Layers,
    Profile,
    Settings,
    settings_from,
)
