"""An RTMP flow with outputs for players, on a free port."""

from dataclasses import dataclass

from reconciler.domain.secrets import Secret
from reconciler.media.probe import Receiver, RtmpSource
from reconciler.media.signal import RtmpTarget
from reconciler.relay.giving import INGEST_APP, PLAY_APP
from reconciler.relay.media import EndId, FlowMedia, InputMedia, OutputMedia, RtmpIngest, RtmpPlay

INPUT, PULL, OTHER = EndId("input"), EndId("pull"), EndId("other")
INGEST, PLAY, OTHER_PLAY, WRONG = Secret("ingest"), Secret("play"), Secret("other-play"), Secret("wrong")


@dataclass(frozen=True)
class RtmpScene:
    """A flow that is pushed to, and who plays it."""

    port: int
    id: str = "rtmp"

    @property
    def target(self) -> RtmpTarget:
        """Where to publish."""
        return target(self.port)

    def flow(
        self, *outputs: OutputMedia, allowlist: tuple[str, ...] = (), host: str = "127.0.0.1", key: Secret = INGEST
    ) -> FlowMedia:
        """Return the flow with these outputs; with one that anybody may pull where none is said."""
        end = RtmpIngest(host=host, port=self.port, app=INGEST_APP, stream_key=key)
        source = InputMedia(id=INPUT, end=end, allowlist=allowlist)
        return FlowMedia(id=self.id, input=source, outputs=outputs or (pull(),))

    def player(self, key: Secret = PLAY, *, app: str = PLAY_APP) -> Receiver:
        """Return who pulls with this key."""
        return player(self.port, key, app=app)


def pull(*allowlist: str, output: EndId = PULL, key: Secret = PLAY) -> OutputMedia:
    """Return an output that players pull."""
    return OutputMedia(id=output, end=RtmpPlay(app=PLAY_APP, stream_key=key), allowlist=allowlist)


def player(port: int, key: Secret = PLAY, *, app: str = PLAY_APP) -> Receiver:
    """Return who pulls from this port with this key."""
    return Receiver(RtmpSource(listens=False, url=f"rtmp://127.0.0.1:{port}/{app}", stream_key=key))


def target(port: int, key: Secret = INGEST) -> RtmpTarget:
    """Return where to publish with this key."""
    return RtmpTarget(url=f"rtmp://127.0.0.1:{port}/{INGEST_APP}", stream_key=key)
