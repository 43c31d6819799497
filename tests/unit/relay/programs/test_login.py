"""What is answered to a server that asks for a user name and a password."""

from collections.abc import Callable

import pytest

from reconciler.relay.programs.dial import DialError, Trouble
from reconciler.relay.programs.login import negotiate

LOGIN = {"user": "camera", "password": "canary", "app": "live"}


def server(asked: bytes) -> Callable[[str], bytes]:
    """Return one that asks in Adobe's way, and then this."""
    return lambda added: b"authmod=adobe ?reason=needauth&" + asked if added else b"code=403 need auth; authmod=adobe"


def test_a_server_that_asks_for_nothing_is_told_nothing() -> None:
    """User name and password stay here."""
    assert negotiate(LOGIN, lambda _: b"_result NetConnection.Connect.Success") == ""


def test_the_password_itself_is_not_told() -> None:
    """Only a digest goes out."""
    added = negotiate(LOGIN, server(b"user=camera&salt=a&challenge=b"))

    assert added.startswith("?authmod=adobe&user=camera&challenge=")
    assert "canary" not in added


@pytest.mark.parametrize("opaque", [b"a'b", b'a"b', b"a\\b", b"a;b", b"a\xc3\xa9"])
def test_a_server_cannot_write_into_the_settings_of_ffmpeg(opaque: bytes) -> None:
    """What is sent back to it stands among settings: a quote in it might end one, and begin another."""
    with pytest.raises(DialError) as failed:
        negotiate(LOGIN, server(b"salt=a&challenge=b&opaque=" + opaque))

    assert failed.value.trouble is Trouble.LOGIN


def test_a_user_name_of_two_lines_is_not_told() -> None:
    """It comes out of a URL, where it was written with percent signs."""
    with pytest.raises(DialError):
        negotiate({**LOGIN, "user": "a\nrtmp_listen=1"}, server(b"salt=a&challenge=b"))
