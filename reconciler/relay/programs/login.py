"""
User name and password for an RTMP server that asks for them, without ffmpeg: it would show them in the process list.

The server is asked to connect until it has said what it wants to be answered; what ffmpeg then has to add to the
application is the answer, and holds neither. Servers know two schemes, neither of them written down by its maker:
Adobe's (also Wowza's and Akamai's) and Limelight's. Source: FFmpeg, libavformat/rtmpproto.c, `do_adobe_auth` and
`do_llnw_auth`.
"""

import base64
import contextlib
import hashlib
import os
import re
import secrets
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from reconciler.relay.programs.chunks import FIRST_CHUNK_BYTES, HANDSHAKE_BYTES, GarbledError, Header, Messages, chunks
from reconciler.relay.programs.dial import STUCK_S, DialError, Trouble, dial

_COMMAND: Final = 20
"""Kind of a message: a command in AMF0."""
_CONNECTS_ON: Final = 3
_MOST_BYTES: Final = 64 << 10
"""Of what a server may say before it answers."""
_SCHEME: Final = re.compile(rb"authmod=(adobe|llnw)")
_ASKED: Final = re.compile(rb"\?reason=needauth([^\s\0]*)")
_PLAIN: Final = re.compile(r"[A-Za-z0-9+/=_.~%@:-]*")
"""What a server may have us put into an application: no quote, no line break."""

Ask = Callable[[str], bytes]
"""Returns what a server answers to `connect`, with this behind its application."""


def answer(order: dict[str, Any]) -> str:
    """
    Return what is to be added to the application, for the `login` of an order; empty where the server asks for nothing.

    Raises:
        DialError: there is no connection, or the server refuses the user name or password.

    """
    return negotiate(order["login"], lambda added: _ask(order, added))


def negotiate(login: dict[str, str], ask: Ask) -> str:
    """
    Return what is to be added to the application for a server that is asked like this.

    Raises:
        DialError: it refuses the user name or password.

    """
    scheme = _SCHEME.search(ask(""))
    if scheme is None:
        return ""
    name, user = scheme[1].decode(), login["user"]
    asked = _ASKED.search(ask(f"?authmod={name}&user={user}"))
    if asked is None:
        raise DialError(Trouble.LOGIN)
    wanted = dict(pair.partition("=")[::2] for pair in asked[1].decode(errors="replace").split("&"))
    if not all(map(_PLAIN.fullmatch, (user, *wanted.values()))):
        raise DialError(Trouble.LOGIN)
    given = (_adobe if name == "adobe" else _limelight)(login, wanted)
    # Not tried out here: an answer is good for one connection, and that is ffmpeg's.
    return f"?authmod={name}&user={user}" + "".join(f"&{key}={value}" for key, value in given.items())


def _adobe(login: dict[str, str], wanted: dict[str, str]) -> dict[str, str]:
    challenge = secrets.token_hex(4)
    secret = _in_base64(login["user"], wanted.get("salt", ""), login["password"])
    opaque = {"opaque": wanted["opaque"]} if "opaque" in wanted else {}
    question = opaque.get("opaque", wanted.get("challenge", ""))
    return {"challenge": challenge, "response": _in_base64(secret, question, challenge), **opaque}


def _limelight(login: dict[str, str], wanted: dict[str, str]) -> dict[str, str]:
    nonce, own, count = wanted.get("nonce", ""), secrets.token_hex(4), "00000001"
    app = login["app"] if "/" in login["app"] else f"{login['app']}/_definst_"
    who = _in_hex(f"{login['user']}:live:{login['password']}")
    what = _in_hex(f"publish:/{app}")
    response = _in_hex(f"{who}:{nonce}:{count}:{own}:auth:{what}")
    return {"nonce": nonce, "cnonce": own, "nc": count, "response": response}


def _in_base64(*parts: str) -> str:
    return base64.b64encode(_md5("".join(parts))).decode()


def _in_hex(text: str) -> str:
    return _md5(text).hex()


def _md5(text: str) -> bytes:
    """Return the digest that both schemes are made of."""
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def _ask(order: dict[str, Any], added: str) -> bytes:
    """Return what the server answers to `connect`; empty where it hangs up."""
    with dial(order) as far, contextlib.suppress(OSError, GarbledError):
        far.settimeout(STUCK_S)
        far.sendall(b"\x03" + bytes(8) + os.urandom(1528))
        greeting = _exactly(far, HANDSHAKE_BYTES)
        login = order["login"]
        body = _connect(login["app"] + added, login["address"] + added)
        far.sendall(greeting[1:1537] + chunks(_CONNECTS_ON, 0, Header(kind=_COMMAND), body, FIRST_CHUNK_BYTES))
        return _answer(far)
    return b""


def _answer(far: socket.socket) -> bytes:
    messages, taken = Messages(), 0
    while taken < _MOST_BYTES and (some := far.recv(4096)):
        taken += len(some)
        for _, _, header, body in messages.feed(some):
            if header.kind == _COMMAND and (b"_result" in body or b"_error" in body):
                return body
    return b""


def _exactly(far: socket.socket, count: int) -> bytes:
    read = bytearray()
    while len(read) < count:
        some = far.recv(count - len(read))
        if not some:
            raise ConnectionResetError
        read += some
    return bytes(read)


def _connect(app: str, address: str) -> bytes:
    """Return the command as an encoder sends it. Source: Adobe's Action Message Format, AMF 0."""
    told = {"app": app, "type": "nonprivate", "flashVer": "FMLE/3.0 (compatible; FMSc/1.0)", "tcUrl": address}
    members = b"".join(_short(name) + b"\x02" + _short(value) for name, value in told.items())
    return b"\x02" + _short("connect") + b"\x00" + struct.pack("!d", 1) + b"\x03" + members + b"\x00\x00\x09"


def _short(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2) + encoded
