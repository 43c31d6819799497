"""What may be changed while a flow runs: the vendor's documents disagree, so the rules are chosen by name."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from reconciler.relay.flows import End, Flow, FlowState


class EditRules(StrEnum):
    """Generations of the vendor's documents."""

    STRICT_2021 = "strict-2021"
    """Nothing is created, edited or deleted while the flow runs."""
    LIVE_2022 = "2022"
    """Outputs are created and deleted live; of what is there, only the allowlist is edited."""
    LIVE_2023 = "live-2023"
    """Everything is edited live, as the engines can do it."""


def may_add_or_remove(rules: EditRules, flow: Flow) -> bool:
    """Return whether an output may be created or deleted now."""
    return flow.state is FlowState.IDLE or rules is not EditRules.STRICT_2021


def may_edit(rules: EditRules, flow: Flow, found: End, wanted: Mapping[str, Any]) -> bool:
    """Return whether an end may be turned into what is wanted now."""
    if flow.state is FlowState.IDLE or rules is EditRules.LIVE_2023:
        return True
    if rules is EditRules.STRICT_2021:
        return False
    return {**found.asked, "AllowIpList": None} == {**wanted, "AllowIpList": None}
