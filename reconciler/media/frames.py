"""Video frames as ffmpeg's `framecrc` lists them: how many, how large, how steadily."""

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from statistics import median
from typing import Final

STEP_LIMIT: Final = 1.5
"""A timestamp step above this many frames is a discontinuity."""
_LEARNED_FROM: Final = 10
"""Steps that are seen before the length of a frame counts as known."""
_REMEMBERED: Final = 50
_VIDEO: Final = "0"
"""The video stream's number: it is always mapped first."""
_FIELDS: Final = 6


@dataclass(slots=True)
class StepCounter:
    """Counts video timestamp steps above one and a half frames; the length of a frame is the median step."""

    discontinuities: int = 0
    _last_s: float | None = None
    _steps_s: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _unjudged_s: list[float] = field(default_factory=list)

    @property
    def fps(self) -> float:
        """Frames per second; 0 while too few frames were seen."""
        if len(self._steps_s) < _LEARNED_FROM:
            return 0.0
        frame_s = median(self._steps_s)
        return round(1 / frame_s, 3) if frame_s > 0 else 0.0

    def feed(self, timestamp_s: float) -> None:
        """Take the decoding timestamp of the next frame."""
        last_s, self._last_s = self._last_s, timestamp_s
        if last_s is None:
            return
        step_s = timestamp_s - last_s
        self._unjudged_s.append(step_s)
        self._steps_s.append(step_s)
        if len(self._steps_s) >= _LEARNED_FROM:
            longest_s = STEP_LIMIT * median(self._steps_s)
            self.discontinuities += sum(step_s > longest_s or step_s < 0 for step_s in self._unjudged_s)
            self._unjudged_s.clear()

    def restart(self) -> None:
        """Forget the last timestamp: a new connection counts from another zero."""
        self._last_s = None


@dataclass(slots=True)
class FrameList:
    """Reads the lines of `ffmpeg -f framecrc` of one connection after another."""

    steps: StepCounter = field(default_factory=StepCounter)
    frames: int = 0
    media_bytes: int = 0
    at_s: float = 0.0
    """Decoding timestamp of the last frame: media time, which a burst after a connection does not distort."""
    codec: str = ""
    width: int = 0
    height: int = 0
    _tick_s: Fraction = Fraction(0)

    def feed(self, line: str) -> None:
        """Take the next line: a header (`#name stream: value`), or a packet (`stream, dts, pts, duration, size, …`)."""
        if line.startswith("#"):
            self._header(line)
            return
        fields = [part.strip() for part in line.split(",")]
        if len(fields) < _FIELDS:
            return
        self.media_bytes += int(fields[4])
        if fields[0] == _VIDEO:
            self.frames += 1
            self.at_s = float(int(fields[1]) * self._tick_s)
            self.steps.feed(self.at_s)

    def _header(self, line: str) -> None:
        name, _, value = line.removeprefix("#").partition(": ")
        if name == f"tb {_VIDEO}":
            self._tick_s = Fraction(value)
            self.steps.restart()
        elif name == f"codec_id {_VIDEO}":
            self.codec = value.strip()
        elif name == f"dimensions {_VIDEO}":
            self.width, self.height = (int(side) for side in value.split("x"))
