"""Words that both directions share."""

from collections.abc import Mapping
from typing import Final

from reconciler.domain.model import FlowState
from reconciler.domain.protocols import Protocol, SrtMode
from reconciler.streamlink.wire import Mode, State, WireProtocol

INPUT_WORDS: Final[Mapping[Protocol, WireProtocol]] = {
    Protocol.SRT: WireProtocol.SRT,
    Protocol.RTMP: WireProtocol.RTMP,
    Protocol.RTMP_PULL: WireProtocol.RTMP_PULL,
    Protocol.RTP: WireProtocol.RTP,
    Protocol.RTSP: WireProtocol.RTSP_PULL,
}
"""What an input's protocol is called. Source: StreamLink API; its console's labels are those of manifests."""
OUTPUT_WORDS: Final[Mapping[Protocol, WireProtocol]] = {
    Protocol.SRT: WireProtocol.SRT,
    Protocol.RTMP_PUSH: WireProtocol.RTMP,
    Protocol.RTMP_PULL: WireProtocol.RTMP_PULL,
    Protocol.RTP: WireProtocol.RTP,
    Protocol.RTSP: WireProtocol.RTSP_PULL,
}
"""What an output's protocol is called."""
INPUT_PROTOCOLS: Final[Mapping[str, Protocol]] = {word.value: protocol for protocol, word in INPUT_WORDS.items()}
OUTPUT_PROTOCOLS: Final[Mapping[str, Protocol]] = {word.value: protocol for protocol, word in OUTPUT_WORDS.items()}
MODE_WORDS: Final[Mapping[SrtMode, Mode]] = {SrtMode.LISTENER: Mode.LISTENER, SrtMode.CALLER: Mode.CALLER}
MODES: Final[Mapping[str, SrtMode]] = {word.value: mode for mode, word in MODE_WORDS.items()}
STATE_WORDS: Final[Mapping[FlowState, State]] = {FlowState.RUNNING: State.RUNNING, FlowState.IDLE: State.IDLE}
STATES: Final[Mapping[str, FlowState]] = {word.value: state for state, word in STATE_WORDS.items()}

NO_FEC: Final = "none"
"""The only FEC of RTP that the API takes."""
