"""Connections that do not come about, and why."""

import socket
import ssl
from typing import Any

import pytest

from reconciler.relay.programs.dial import DialError, Trouble, dial, why_no_tls


def order(host: str, port: int, **more: Any) -> dict[str, Any]:
    """Return an order without TLS."""
    return {"host": host, "port": port, "tls": False, "authorities": "", "denied": [], **more}


@pytest.mark.parametrize(
    ("host", "more", "trouble"),
    [
        ("127.0.0.1", {}, Trouble.REFUSED),
        ("x" * 300, {}, Trouble.UNKNOWN),
        ("localhost", {"denied": ["127.0.0.0/8", "::1/128"]}, Trouble.DENIED),
    ],
)
def test_there_is_no_connection(host: str, more: dict[str, Any], trouble: Trouble) -> None:
    """Each failure is told in words of its own."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))

        with pytest.raises(DialError) as failed:
            dial(order(host, reserved.getsockname()[1], **more))

    assert failed.value.trouble is trouble


def test_a_port_of_ours_is_not_called() -> None:
    """The listener hears nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]

        with pytest.raises(DialError) as failed:
            dial(order("127.0.0.1", port, denied_ports=[port]))

        with pytest.raises(BlockingIOError):
            listener.accept()

    assert failed.value.trouble is Trouble.OWN


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        (9, Trouble.NOT_YET),
        (10, Trouble.EXPIRED),
        (18, Trouble.UNTRUSTED),
        (20, Trouble.UNTRUSTED),
        (62, Trouble.OTHER_NAME),
        (64, Trouble.OTHER_NAME),
        (23, Trouble.INVALID),
    ],
)
def test_what_is_wrong_with_a_certificate(code: int, trouble: Trouble) -> None:
    """Its verdict is told in words, and one that is not known is no trust either."""
    error = ssl.SSLCertVerificationError()
    error.verify_code = code

    assert why_no_tls(error) is trouble


@pytest.mark.parametrize(
    ("reason", "trouble"),
    [
        ("WRONG_VERSION_NUMBER", Trouble.NO_TLS),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", Trouble.TLS_FAILED),
    ],
)
def test_what_is_wrong_with_a_handshake(reason: str, trouble: Trouble) -> None:
    """Whoever refuses TLS with a word of TLS speaks it."""
    error = ssl.SSLError()
    error.reason = reason

    assert why_no_tls(error) is trouble
    assert why_no_tls(TimeoutError()) is Trouble.NO_TLS
