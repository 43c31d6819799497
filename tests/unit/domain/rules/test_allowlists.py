"""What an allowlist may say."""

import pytest

from reconciler.domain.rules import allowlists

PATH = ("spec", "allowlist")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(["203.0.113.0/28", "2001:db8::/32"], [], id="CIDRs of both families"),
        pytest.param("203.3.3.3/32;202.3.3.3/32", [], id="the console's own form"),
        pytest.param(["0.0.0.0/0"], ["SL210"], id="everybody, said so"),
        pytest.param(["::/0", "10.0.0.0/8"], ["SL210"], id="everybody beside somebody"),
        pytest.param(["10.0.0.0/8", "10.1.0.0/16"], ["SL211"], id="one within another"),
        pytest.param(["10.1.0.0/16", "10.0.0.0/8"], ["SL211"], id="one within a later one"),
        pytest.param(["10.0.0.0/8", "10.0.0.0/8"], ["SL211"], id="the same twice"),
        pytest.param([f"10.{number}.0.0/16" for number in range(10)], [], id="ten"),
        pytest.param([f"10.{number}.0.0/16" for number in range(11)], ["SL212"], id="eleven"),
        pytest.param(["203.0.113.7"], ["SL203"], id="no prefix length"),
        pytest.param(["10.0.0.0/255.0.0.0"], ["SL203"], id="a netmask"),
        pytest.param(["10.0.0.0/33"], ["SL203"], id="too long a prefix"),
        pytest.param(["10.0.0.0/"], ["SL203"], id="an empty prefix"),
        pytest.param(["10.0.0.0/٣"], ["SL203"], id="digits that are not ASCII"),
        pytest.param(["tower.example/32"], ["SL203"], id="a name"),
        pytest.param(["fe80::1%eth0/128"], ["SL203"], id="a zone"),
        pytest.param(["", "10.0.0.0/8"], ["SL203"], id="an empty member"),
        pytest.param("10.0.0.0/8;", ["SL203"], id="a semicolon too many"),
        pytest.param(["10.0.0.1/8"], ["SL204"], id="host bits"),
        pytest.param(["2001:db8::1/32"], ["SL204"], id="host bits of IPv6"),
        pytest.param([], ["SL205"], id="empty"),
        pytest.param("", ["SL205"], id="empty text"),
        pytest.param(None, ["SL205"], id="absent"),
    ],
)
def test_check(written: list[str] | str | None, expected: list[str]) -> None:
    """Every member is a CIDR; what is odd but means something is a warning."""
    assert [fault.rule.id for fault in allowlists.check(written, PATH)] == expected


@pytest.mark.parametrize(
    ("written", "places", "expected"),
    [
        (["10.0.0.1/32", "10.0.0.2/32"], 2, []),
        (["10.0.0.1/32", "10.0.0.2/32"], 1, ["SL213"]),
        ("10.0.0.1/32;2001:db8::1/128", 1, ["SL213"]),
        (["10.0.0.1/32", "10.0.0.1/32"], 1, []),
        (["10.0.0.1/32", "10.0.0.0/31"], 1, []),
        (["10.0.0.1/32", "nonsense"], 1, []),
        ([], 1, []),
        (None, 1, []),
    ],
)
def test_single_receivers_have_a_place_each(written: list[str] | str | None, places: int, expected: list[str]) -> None:
    """A network may hold anybody, so only single addresses are counted, each once."""
    assert [fault.rule.id for fault in allowlists.check_places(written, places, PATH)] == expected


@pytest.mark.parametrize(
    ("written", "private"),
    [
        (["10.0.0.0/8", "fd00::/8"], True),
        ("192.168.0.0/16;172.16.0.0/12", True),
        (["10.0.0.0/8", "203.0.113.0/28"], False),
        (["nonsense"], False),
        ([], False),
        (None, False),
    ],
)
def test_who_lets_only_private_networks_in(written: list[str] | str | None, *, private: bool) -> None:
    """An open list lets in anybody."""
    assert allowlists.is_private(written) is private


def test_a_fault_is_at_its_member() -> None:
    """In a list the member is blamed, in a text the text, and what is not given is missed where it could be."""
    (in_list,) = allowlists.check(["10.0.0.0/8", "x"], PATH)
    (in_text,) = allowlists.check("10.0.0.0/8;x", PATH)
    (absent,) = allowlists.check(None, PATH)

    assert (in_list.path, in_text.path, absent.path) == ((*PATH, 1), PATH, ("spec",))


def test_the_single_address_is_told_its_prefix() -> None:
    """The hint is what to write."""
    hints = [fault.hint for fault in allowlists.check(["203.0.113.7", "2001:db8::1"], PATH)]

    assert hints == ["write 203.0.113.7/32 for this one address", "write 2001:db8::1/128 for this one address"]


def test_what_cannot_be_printed_is_not_quoted() -> None:
    """A message holds no control characters and is never long."""
    messages = [fault.message for fault in allowlists.check(["\x1b[31m", "x" * 99], PATH)]

    assert messages == ["the entry is no CIDR", "the entry is no CIDR"]


def test_commas_are_not_what_joins() -> None:
    """It is said what does."""
    (fault,) = allowlists.check("203.0.113.0/28, 198.51.100.0/24", PATH)

    assert (fault.rule.id, fault.message) == ("SL203", "several entries are joined with commas")
    assert fault.hint == "write a list, or join them with semicolons"
