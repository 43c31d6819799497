"""Slips in the text of a world: what YAML makes of one line that is written otherwise."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Slip:
    """One piece of the text is another one; where the rule tells it is marked with `«` in what is written."""

    rule: str
    once: str
    """What stands in the text, at least once; the last place is spoilt."""
    written: str

    def __str__(self) -> str:
        """Return a name for a report."""
        return f"{self.rule} {self.written!r}"

    def applied(self, text: str) -> tuple[str, int, int]:
        """Return the spoilt text, and line and column of the fault."""
        before, _, after = text.rpartition(self.once)
        assert before, self.once
        lead, mark, tail = self.written.partition("«")
        assert mark, self.written
        begin = before + lead
        return begin + tail + after, begin.count("\n") + 1, len(begin) - begin.rfind("\n")


SLIPS: Final = (
    Slip(rule="SL002", once="  description: programme 3\n", written="  description: «\x07programme 3\n"),
    Slip(rule="SL002", once="  description: programme 3\n", written="  description: programme«\u2028 3\n"),
    Slip(rule="SL003", once="  maxBandwidth: 20M\n", written="«\tmaxBandwidth: 20M\n"),
    Slip(rule="SL003", once="  description: programme 3\n", written='  description: «"programme 3\n'),
    Slip(rule="SL003", once="  description: programme 3\n", written="  description: a«: b\n"),
    Slip(rule="SL004", once="  state: running\n", written="  state: running\n  «state: running\n"),
    Slip(rule="SL005", once="  state: running\n", written="  state: «&s running\n"),
    Slip(rule="SL005", once="  description: programme 3\n", written="  description: «*s\n"),
    Slip(rule="SL006", once="  state: running\n", written="  state: running\n  «<<: {}\n"),
    Slip(rule="SL007", once="  state: running\n", written="  state: «!s running\n"),
    Slip(rule="SL008", once="    latency: 1000\n", written="    latency: «.nan\n"),
    Slip(rule="SL008", once="  state: running\n", written="  state: running\n  «1: x\n"),
    Slip(rule="SL009", once="  state: running\n", written="  state: " + "[" * 62 + "«[" + "]" * 63 + "\n"),
)
