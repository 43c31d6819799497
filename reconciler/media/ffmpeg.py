"""Command lines of ffmpeg without a secret in them, and what its complaints mean."""

import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

from reconciler.media.programs import FFMPEG

_QUIET: Final = ("-hide_banner", "-nostdin", "-loglevel", "warning")
_RTMP_WAIT_US: Final = 8_000_000
"""How long an RTMP socket may stand still before ffmpeg gives up."""
WIRED_WAIT_US: Final = 30_000_000
"""The same where a wire of ours has the shorter deadlines, and says in words what did not keep them."""
_RTSP_WAIT_US: Final = 8_000_000

NOT_ONE_LINE: Final = "the URL or the stream key holds a control character, which RTMP has no use for"
_PRESET_LINE_BYTES: Final = 990
"""ffmpeg reads a preset in lines of 999 bytes: the rest of a longer one would be an option of its own."""
PRESET_FORM: Final = "{name}={value}\n"
"""How a preset holds an option."""
PLAY_LIST_FORM: Final = "option {name} '{value}'\n"
"""How a play list does."""
_REFUSED: Final = "the server refused the stream key"
_CLOSED: Final = "the connection was closed by the far end"
_MEANINGS: Final = (
    (r"failed: 403 ", "the server refused this machine: is it in the allowlist?"),
    (r"failed: 404 ", "the server has no such path"),
    (r"failed: 453 ", "all places of the output are taken"),
    (r"failed: 503 ", "the server has nothing to play: its input is not connected"),
    (r"Connection refused", "the connection was refused: nothing listens there"),
    (r"(Name or service not known|Failed to resolve|Temporary failure in name resolution)", "the host is not known"),
    (r"(Network is unreachable|No route to host)", "no route to host"),
    (r"Connection timed out", "no answer in time"),
    (r"codec (\S+) not compatible with flv", "RTMP does not carry this video codec"),
    (r"codec not currently supported in container", "RTMP does not carry this codec"),
    (r"dimensions not set", "the input has no keyframe, so nobody can begin to watch"),
    (r"(Could not write header|Error initializing output stream)", "RTMP does not carry this stream"),
    (r"matches no streams", "the input has no video"),
    (r"No credentials set", "the server asks for another user name and password"),
    (r"(Server error|BadName|Publish.*denied|NetStream\.Publish)", _REFUSED),
    (r"(gnutls|TLS|tls|certificate)", "the TLS connection failed"),
    (r"(Input/output error|End of file|Broken pipe|Connection reset)", _CLOSED),
)
_PERMANENT: Final = frozenset(
    {"RTMP does not carry this video codec", "RTMP does not carry this codec", "RTMP does not carry this stream"}
)


def why(complaints: str, *, began: bool) -> str:
    """
    Return in words why ffmpeg ended, from what it said; its own text may hold an address and is never passed on.

    A server that refuses a key mostly just closes the connection, before any media: `began` says whether some went.
    """
    for pattern, meaning in _MEANINGS:
        if re.search(pattern, complaints):
            return _REFUSED if meaning is _CLOSED and not began else meaning
    return "ffmpeg ended without saying why" if not complaints.strip() else "ffmpeg ended with an error"


def is_permanent(reason: str) -> bool:
    """Whether trying again soon is useless: the media itself does not fit."""
    return reason in _PERMANENT


def server_of(url: str) -> str:
    """Return the part of an RTMP URL that a process list may show: scheme, host and port."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "") + "/"


def app_of(url: str) -> str:
    """Return the application of an RTMP URL that ends before its stream key."""
    parts = urlsplit(url)
    return parts.path.strip("/") + (f"?{parts.query}" if parts.query else "")


def address_of(url: str) -> str:
    """Return an RTMP URL that ends before its stream key as a server is told it: without user name and password."""
    return server_of(url) + app_of(url)


def protocols_of(url: str) -> str:
    """Return the only protocols that ffmpeg may use for this RTMP URL."""
    return "rtmps,tls,tcp" if urlsplit(url).scheme == "rtmps" else "rtmp,tcp"


def is_one_line(*texts: str) -> bool:
    """Whether texts hold no control character: in a preset or a play list, a line break would begin an option."""
    return not any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for text in texts for character in text)


def too_long(url: str, stream_key: str) -> str:
    """Return in words which of them does not fit into a line of a preset; empty where both do."""
    for told, option, value in (
        ("the stream key is", "rtmp_playpath", stream_key),
        ("the URL without user name and password is", "rtmp_tcurl", address_of(url)),
    ):
        most = _PRESET_LINE_BYTES - len(f"{option}=")
        if len(value.encode()) > most:
            return f"{told} too long to be pushed to: it may have {most} bytes"
    return ""


def publish_preset(url: str, stream_key: str) -> str:
    """Return the preset (for `-fpre`) that makes ffmpeg push to `url`/`stream_key`."""
    _demand_one_line(url, stream_key)
    if excess := too_long(url, stream_key):
        raise ValueError(excess)
    return f"rtmp_app={app_of(url)}\nrtmp_playpath={stream_key}\n"


def wired_preset(url: str, stream_key: str) -> str:
    """Return the preset that makes ffmpeg push to `url`/`stream_key`, whatever address it has to call for it."""
    return f"{publish_preset(url, stream_key)}rtmp_tcurl={address_of(url)}\n"


def play_list(url: str, stream_key: str) -> str:
    """Return the `ffconcat` script that makes ffmpeg pull `url`/`stream_key`."""
    _demand_one_line(url, stream_key)
    address = _quoted(f"{url.rstrip('/')}/{stream_key}")
    return f"ffconcat version 1.0\nfile {address}\noption rw_timeout {_RTMP_WAIT_US}\n"


def wired_play_list(near: str, url: str, stream_key: str) -> str:
    """Return the script that makes ffmpeg pull `url`/`stream_key` by calling the address `near` for it."""
    _demand_one_line(url, stream_key)
    asked = {"rtmp_app": app_of(url), "rtmp_playpath": stream_key, "rtmp_tcurl": address_of(url)}
    options = "".join(f"option {name} {_quoted(value)}\n" for name, value in asked.items())
    return f"ffconcat version 1.0\nfile {_quoted(near)}\noption rw_timeout {WIRED_WAIT_US}\n{options}"


def play_list_input(descriptor: int, protocols: str = "rtmp,tcp") -> tuple[str, ...]:
    """Return the input arguments that read a play list from an open descriptor."""
    return (
        # `file` is for the list itself, which ffmpeg opens by its name below /dev/fd.
        *("-f", "concat", "-safe", "0", "-protocol_whitelist", f"file,{protocols}"),
        *("-i", f"/dev/fd/{descriptor}"),
    )


def rtsp_input(url: str) -> tuple[str, ...]:
    """Return the input arguments that play an RTSP URL over TCP."""
    return (
        *("-rtsp_transport", "tcp", "-timeout", str(_RTSP_WAIT_US), "-protocol_whitelist", "rtsp,rtp,tcp,udp"),
        *("-i", url),
    )


def rtmp_output(url: str, descriptor: int, *, wait_us: int = _RTMP_WAIT_US) -> tuple[str, ...]:
    """Return the output arguments that push as a preset in an open descriptor says."""
    return (
        *("-f", "flv", "-flvflags", "no_duration_filesize", "-rw_timeout", str(wait_us)),
        *("-protocol_whitelist", protocols_of(url), "-fpre", f"/dev/fd/{descriptor}", server_of(url)),
    )


def _demand_one_line(*texts: str) -> None:
    if not is_one_line(*texts):
        raise ValueError("an RTMP URL or stream key with a control character")


def _quoted(text: str) -> str:
    """Return a text as a play list writes it."""
    return "'" + text.replace("'", r"'\''") + "'"


def rtp_output(host: str, port: int) -> tuple[str, ...]:
    """Return the output arguments that send a transport stream in RTP packets to an address."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return ("-f", "rtp_mpegts", "-muxdelay", "0", f"rtp://{address}?pkt_size=1328")


def list_frames(source: tuple[str, ...]) -> list[str]:
    """Return the command that lists every packet of the first video and audio stream on standard output."""
    return [
        *(FFMPEG, *_QUIET, *source, "-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-flush_packets", "1"),
        *("-f", "framecrc", "-protocol_whitelist", "pipe", "pipe:1"),
    ]


def signal_command(sink: tuple[str, ...]) -> list[str]:
    """Return the command that sends a test picture with a running timecode, and a 1 kHz tone, at about 1 Mb/s."""
    timecode = (
        r"drawtext=timecode='00\:00\:00\:00':rate=25:fontsize=48:fontcolor=white:box=1:boxcolor=black@0.6:x=24:y=24"
    )
    return [
        *(FFMPEG, *_QUIET, "-re", "-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=25,{timecode}"),
        *("-re", "-f", "lavfi", "-i", "sine=frequency=1000:sample_rate=48000"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "25"),
        *("-b:v", "900k", "-maxrate", "900k", "-bufsize", "900k", "-threads", "1"),
        *("-c:a", "aac", "-b:a", "96k", "-ac", "2", "-flush_packets", "1", *sink),
    ]


def push_copy(source: tuple[str, ...], sink: tuple[str, ...], *, progress: str) -> list[str]:
    """Return the command that pushes the first video and audio stream of a source on, unchanged."""
    return [
        *(FFMPEG, *_QUIET, "-progress", progress, "-stats_period", "1", *source),
        *("-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-flush_packets", "1", *sink),
    ]
