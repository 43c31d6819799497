"""What was said before the verb: the global options, handed to every verb as `click`'s `obj`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The global options as they were given; None where they were not."""

    config: Path | None = None
    state: Path | None = None
    color: bool | None = None
    log_format: str | None = None

    @property
    def use_color(self) -> bool | None:
        """Return whether to colour; None leaves it to whether the stream is a terminal."""
        return self.color
