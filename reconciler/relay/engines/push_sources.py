"""Where ffmpeg finds the stream that it pushes."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, Protocol

from reconciler.domain.secrets import Secret
from reconciler.media.ffmpeg import play_list, play_list_input, wired_play_list
from reconciler.media.processes import unnamed_file
from reconciler.relay.engines.wire import FarEnd

FROZEN_S: Final = 8.0
"""An origin that sends nothing for so long is called anew, though its connection stands."""


class PushSource(Protocol):
    """Where ffmpeg finds the stream of a flow."""

    @property
    def far(self) -> FarEnd | None:
        """The server of somebody else that it is; None where it is ours."""
        ...

    def arguments(self, lent: ExitStack, near: str, /) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """
        Return the input arguments, and the descriptors that ffmpeg must keep for them.

        `near` is the address of the wire, to be called instead of a far end.
        """
        ...

    def told(self) -> str:
        """Return what tells this source from others; it may hold a secret."""
        ...


@dataclass(frozen=True, slots=True)
class TapSource:
    """The tap of an SRT engine: a socket in the flow's own folder."""

    far: None = None

    def arguments(self, _lent: ExitStack, _near: str, /) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return the arguments that read the tap."""
        return ("-f", "mpegts", "-protocol_whitelist", "unix", "-i", "unix:tap.sock"), ()

    def told(self) -> str:
        """Say which source this is."""
        return "tap"


@dataclass(frozen=True, slots=True)
class HubSource:
    """A stream of an RTMP server of ours, under a name that only we know."""

    url: str
    name: Secret
    far: None = None

    def arguments(self, lent: ExitStack, _near: str, /) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return the arguments that play the stream."""
        script = lent.enter_context(unnamed_file(play_list(self.url, self.name.reveal())))
        return play_list_input(script), (script,)

    def told(self) -> str:
        """Say which source this is."""
        return f"{self.url} {self.name.reveal()}"


@dataclass(frozen=True, slots=True)
class PullSource:
    """An RTMP server of somebody else, which we pull from."""

    url: str
    stream_key: Secret

    @property
    def far(self) -> FarEnd:
        """The server that it is."""
        return FarEnd(url=self.url, silent_s=FROZEN_S)

    def arguments(self, lent: ExitStack, near: str, /) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return the arguments that play the stream."""
        script = lent.enter_context(unnamed_file(wired_play_list(near, self.url, self.stream_key.reveal())))
        return play_list_input(script), (script,)

    def told(self) -> str:
        """Say which source this is."""
        return f"{self.url} {self.stream_key.reveal()}"
