"""
The part of libsrt's C interface that an engine uses, over ctypes.

Numbers and the layout of the statistics are those of `srt.h` 1.4.4 to 1.5.x; fields are only ever appended there. Calls
release the interpreter's lock: libsrt calls back from threads of its own, holding locks that another call may want.
"""

import ctypes
import ipaddress
import socket
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int64, c_uint64, c_void_p
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

_NAMES: Final = ("libsrt-gnutls.so.1.5", "libsrt-openssl.so.1.5", "libsrt.so.1.5")
_IPV4: Final = 4
_ADDRESS_BYTES: Final = 128
_ERROR: Final = -1
AGAIN: Final = frozenset({6001, 6002})
"""Nothing to read, or no room to write, now."""
EPOLL_IN, EPOLL_OUT, EPOLL_ERR = 1, 4, 8
_EPOLL_ENABLE_EMPTY: Final = 1
_ONLY_CRITICAL: Final = 2
_LEAST_STATS_BYTES: Final = 2048
"""More than any version's statistics take."""


class Option(IntEnum):
    """Socket options."""

    SNDSYN = 1
    RCVSYN = 2
    FC = 4
    SNDBUF = 5
    RCVBUF = 6
    UDP_RCVBUF = 9
    LATENCY = 23
    PASSPHRASE = 26
    PBKEYLEN = 27
    TLPKTDROP = 31
    CONNTIMEO = 36
    SNDKMSTATE = 40
    RCVKMSTATE = 41
    RCVLATENCY = 43
    PEERLATENCY = 44
    STREAMID = 46
    IPV6ONLY = 54
    PEERIDLETIMEO = 55


class State(IntEnum):
    """States of a socket that an engine asks for."""

    CONNECTING = 4
    CONNECTED = 5
    NONEXIST = 9


class Reject(IntEnum):
    """Why a connection was refused, said by us (`X_…`) or by libsrt."""

    PEER = 2
    RESOURCE = 3
    BACKLOG = 5
    CLOSE = 7
    VERSION = 8
    BADSECRET = 10
    UNSECURE = 11
    TIMEOUT = 16
    X_UNAUTHORIZED = 1401
    X_OVERLOAD = 1402
    X_FORBIDDEN = 1403


KM_SECURED: Final = 2
"""Key material state: keys were exchanged."""


class _Event(ctypes.Structure):
    _fields_ = (("socket", c_int), ("events", c_int))


class Stats(ctypes.Structure):
    """`SRT_TRACEBSTATS`, as far as it is read."""

    _fields_ = (
        ("msTimeStamp", c_int64),
        ("pktSentTotal", c_int64),
        ("pktRecvTotal", c_int64),
        ("pktSndLossTotal", c_int),
        ("pktRcvLossTotal", c_int),
        ("pktRetransTotal", c_int),
        ("pktSentACKTotal", c_int),
        ("pktRecvACKTotal", c_int),
        ("pktSentNAKTotal", c_int),
        ("pktRecvNAKTotal", c_int),
        ("usSndDurationTotal", c_int64),
        ("pktSndDropTotal", c_int),
        ("pktRcvDropTotal", c_int),
        ("pktRcvUndecryptTotal", c_int),
        ("byteSentTotal", c_uint64),
        ("byteRecvTotal", c_uint64),
        ("byteRcvLossTotal", c_uint64),
        ("byteRetransTotal", c_uint64),
        ("byteSndDropTotal", c_uint64),
        ("byteRcvDropTotal", c_uint64),
        ("byteRcvUndecryptTotal", c_uint64),
        ("pktSent", c_int64),
        ("pktRecv", c_int64),
        ("pktSndLoss", c_int),
        ("pktRcvLoss", c_int),
        ("pktRetrans", c_int),
        ("pktRcvRetrans", c_int),
        ("pktSentACK", c_int),
        ("pktRecvACK", c_int),
        ("pktSentNAK", c_int),
        ("pktRecvNAK", c_int),
        ("mbpsSendRate", c_double),
        ("mbpsRecvRate", c_double),
        ("usSndDuration", c_int64),
        ("pktReorderDistance", c_int),
        ("pktRcvAvgBelatedTime", c_double),
        ("pktRcvBelated", c_int64),
        ("pktSndDrop", c_int),
        ("pktRcvDrop", c_int),
        ("pktRcvUndecrypt", c_int),
        ("byteSent", c_uint64),
        ("byteRecv", c_uint64),
        ("byteRcvLoss", c_uint64),
        ("byteRetrans", c_uint64),
        ("byteSndDrop", c_uint64),
        ("byteRcvDrop", c_uint64),
        ("byteRcvUndecrypt", c_uint64),
        ("usPktSndPeriod", c_double),
        ("pktFlowWindow", c_int),
        ("pktCongestionWindow", c_int),
        ("pktFlightSize", c_int),
        ("msRTT", c_double),
    )


_LISTEN_HOOK: Final = ctypes.CFUNCTYPE(c_int, c_void_p, c_int, c_int, c_void_p, c_char_p)

Hook = Callable[[int, str, str], int]
"""Takes a new socket, the caller's `ip:port` and its stream id; returns 0 to let it in, else the reason of refusal."""


class SrtError(Exception):
    """A call that libsrt refused; the text is its own."""


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `ip:port`, or `[ip]:port`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Libsrt:
    """The library, loaded and started once a process."""

    def __init__(self) -> None:
        self._lib = _load()
        self._prototypes()
        self._lib.srt_startup()
        # What it would say holds addresses, and would fill the log while a refused caller tries again and again.
        self._lib.srt_setloglevel(_ONLY_CRITICAL)
        self.recv: Any = self._lib.srt_recv
        """Takes socket, buffer and its size; returns how many bytes came, or -1."""
        self.send: Any = self._lib.srt_send
        """Takes socket, buffer and size; returns how many bytes went, or -1."""
        self._hooks: dict[int, Any] = {}
        self._stats = ctypes.create_string_buffer(_LEAST_STATS_BYTES)

    def socket(self) -> int:
        """Return a new socket."""
        return self._checked(self._lib.srt_create_socket())

    @property
    def hooks(self) -> int:
        """How many hooks are kept: of sockets that listen, and of those closed a moment ago."""
        self._forget_hooks()
        return len(self._hooks)

    def close(self, which: int) -> None:
        """Close a socket; its hook stays until the library cannot call it any more."""
        self._lib.srt_close(which)
        self._forget_hooks()

    def set(self, which: int, option: Option, value: int | str) -> None:
        """
        Set an option.

        Raises:
            SrtError: it is not allowed.

        """
        if isinstance(value, str):
            raw = value.encode()
            self._checked(self._lib.srt_setsockflag(which, option, raw, len(raw)))
        else:
            self._checked(self._lib.srt_setsockflag(which, option, byref(c_int(value)), ctypes.sizeof(c_int)))

    def get(self, which: int, option: Option) -> int:
        """Return an option; 0 where it cannot be had."""
        value, size = c_int(0), c_int(ctypes.sizeof(c_int))
        self._lib.srt_getsockflag(which, option, byref(value), byref(size))
        return value.value

    def listen(self, which: int, at: Address, hook: Hook) -> None:
        """
        Listen, and ask `hook` of every caller; it runs on a thread of the library.

        Raises:
            SrtError: the address cannot be had.

        """
        raw = raw_address(at)
        self._checked(self._lib.srt_bind(which, raw, len(raw)))

        def ask(_opaque: int, new: int, _version: int, address: int, stream_id: bytes | None) -> int:
            text = (stream_id or b"").decode(errors="replace")
            refusal = hook(new, str(_address_at(address)), text)
            if refusal:
                self._lib.srt_setrejectreason(new, refusal)
                return _ERROR
            return 0

        called = _LISTEN_HOOK(ask)
        self._hooks[which] = called
        self._checked(self._lib.srt_listen_callback(which, called, None))
        self._checked(self._lib.srt_listen(which, 32))

    def accept(self, which: int) -> tuple[int, Address] | None:
        """Return a caller that got in, and its address; None when there is none now."""
        raw, size = ctypes.create_string_buffer(_ADDRESS_BYTES), c_int(_ADDRESS_BYTES)
        new = self._lib.srt_accept(which, raw, byref(size))
        return None if new == _ERROR else (new, _address_at(ctypes.addressof(raw)))

    def connect(self, which: int, to: Address) -> None:
        """
        Begin to call an address.

        Raises:
            SrtError: the call cannot begin.

        """
        raw = raw_address(to)
        self._checked(self._lib.srt_connect(which, raw, len(raw)))

    def state(self, which: int) -> int:
        """Return the state of a socket."""
        return int(self._lib.srt_getsockstate(which))

    def reject_reason(self, which: int) -> int:
        """Return why a call was refused."""
        return int(self._lib.srt_getrejectreason(which))

    def again(self) -> bool:
        """Whether the last failure of this thread only means: not now."""
        return self._lib.srt_getlasterror(None) in AGAIN

    def stats(self, which: int) -> Stats | None:
        """Return the counters of a connection; None when it is gone."""
        if self._lib.srt_bistats(which, self._stats, 0, 1) == _ERROR:
            return None
        return Stats.from_buffer_copy(self._stats)

    def _forget_hooks(self) -> None:
        """Let go of hooks, and of all that they hold, once their sockets are no more: some seconds after the close."""
        for which in [which for which in self._hooks if self.state(which) == State.NONEXIST]:
            del self._hooks[which]

    def _checked(self, result: int) -> int:
        if result == _ERROR:
            raise SrtError(self._lib.srt_getlasterror_str().decode(errors="replace"))
        return result

    def _prototypes(self) -> None:
        lib = self._lib
        for name, arguments in {
            "srt_create_socket": [],
            "srt_close": [c_int],
            "srt_bind": [c_int, c_char_p, c_int],
            "srt_listen": [c_int, c_int],
            "srt_accept": [c_int, c_void_p, c_void_p],
            "srt_connect": [c_int, c_char_p, c_int],
            "srt_listen_callback": [c_int, _LISTEN_HOOK, c_void_p],
            "srt_setsockflag": [c_int, c_int, c_void_p, c_int],
            "srt_getsockflag": [c_int, c_int, c_void_p, c_void_p],
            "srt_getsockstate": [c_int],
            "srt_getlasterror": [c_void_p],
            "srt_getrejectreason": [c_int],
            "srt_setrejectreason": [c_int, c_int],
            "srt_send": [c_int, c_void_p, c_int],
            "srt_recv": [c_int, c_void_p, c_int],
            "srt_bistats": [c_int, c_void_p, c_int, c_int],
            "srt_epoll_create": [],
            "srt_epoll_set": [c_int, c_int],
            "srt_epoll_add_usock": [c_int, c_int, POINTER(c_int)],
            "srt_epoll_remove_usock": [c_int, c_int],
            "srt_epoll_uwait": [c_int, POINTER(_Event), c_int, c_int64],
        }.items():
            function = getattr(lib, name)
            function.argtypes, function.restype = arguments, c_int
        lib.srt_getlasterror_str.restype = c_char_p

    @property
    def raw(self) -> Any:
        """The library itself."""
        return self._lib


class Poll:
    """Tells which sockets have something to say."""

    def __init__(self, srt: Libsrt, most: int = 256) -> None:
        self._lib = srt.raw
        self._id = self._lib.srt_epoll_create()
        self._lib.srt_epoll_set(self._id, _EPOLL_ENABLE_EMPTY)
        self._events = (_Event * most)()
        self._most = most

    def add(self, which: int, events: int) -> None:
        """Watch a socket."""
        self._lib.srt_epoll_add_usock(self._id, which, byref(c_int(events)))

    def remove(self, which: int) -> None:
        """Watch it no longer."""
        self._lib.srt_epoll_remove_usock(self._id, which)

    def wait(self, timeout_ms: int) -> list[int]:
        """Return the sockets that have something to say, at the latest after this long."""
        count = self._lib.srt_epoll_uwait(self._id, self._events, self._most, timeout_ms)
        return [self._events[index].socket for index in range(min(count, self._most))]


def _load() -> Any:
    for name in _NAMES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise SystemExit(f"none of {', '.join(_NAMES)} is installed")


def raw_address(address: Address) -> bytes:
    """Return an address as the kernel writes it."""
    ip, port = ipaddress.ip_address(address.host), address.port.to_bytes(2, "big")
    if ip.version == _IPV4:
        return socket.AF_INET.to_bytes(2, "little") + port + ip.packed + bytes(8)
    return socket.AF_INET6.to_bytes(2, "little") + port + bytes(4) + ip.packed + bytes(4)


def _address_at(pointer: int) -> Address:
    """Return the address at a place in memory; an IPv4 address in IPv6 clothes comes as what it is."""
    family = int.from_bytes(ctypes.string_at(pointer, 2), "little")
    if family == socket.AF_INET:
        raw = ctypes.string_at(pointer, 16)
        return Address(str(ipaddress.IPv4Address(raw[4:8])), int.from_bytes(raw[2:4], "big"))
    raw = ctypes.string_at(pointer, 28)
    ip = ipaddress.IPv6Address(raw[8:24])
    return Address(str(ip.ipv4_mapped or ip), int.from_bytes(raw[2:4], "big"))
