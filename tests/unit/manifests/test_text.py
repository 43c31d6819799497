"""From bytes to text that YAML may be read from."""

import pytest

from reconciler.manifests.text import LoadFault, plain


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"a: 1\n", b"a: 1\n", id="plain"),
        pytest.param(b"\xef\xbb\xbfa: 1\n", b"a: 1\n", id="a byte-order mark at the start"),
        pytest.param("a: é😀\n".encode(), "a: é😀\n".encode(), id="any language"),
        pytest.param(b"a: 1\r\n\tb", b"a: 1\r\n\tb", id="line ends and tabs"),
        pytest.param(b"", b"", id="empty"),
    ],
)
def test_text_stays_as_it_is(content: bytes, expected: bytes) -> None:
    """Only the mark at the start goes."""
    assert plain(content) == expected


@pytest.mark.parametrize(
    ("content", "line", "column", "words"),
    [
        pytest.param("a: 1".encode("utf-16"), 1, 1, "UTF-16", id="UTF-16"),
        pytest.param("a: 1".encode("utf-32"), 1, 1, "UTF-16 or UTF-32", id="UTF-32"),
        pytest.param(b"a: \xff", 1, 4, "0xff", id="not UTF-8"),
        pytest.param("é\n😀x".encode() + b"\xe9", 2, 3, "0xe9", id="columns are code points"),
        pytest.param(b"a\r\nb\xff", 2, 2, "0xff", id="a line end of two characters counts once"),
        pytest.param(b"a\r\nb\rc", 2, 2, "U+000D", id="a line end of which only the half is there"),
        pytest.param(b"\x89PNG\x00\xff", 1, 1, "binary", id="a picture"),
        pytest.param(b"a: \x00", 1, 4, "U+0000", id="a zero"),
        pytest.param(b"a: \x1b[31m", 1, 4, "U+001B", id="an escape sequence"),
        pytest.param(b"\xef\xbb\xbfa\n\xef\xbb\xbfb", 2, 1, "U+FEFF", id="a second byte-order mark"),
        pytest.param("a: \u2028".encode(), 1, 4, "U+2028", id="a line end that only some count"),
        pytest.param("a: \x85".encode(), 1, 4, "U+0085", id="a control character of C1"),
    ],
)
def test_what_is_no_text_is_told_at_its_place(content: bytes, line: int, column: int, words: str) -> None:
    """The first character that cannot be is named."""
    fault = plain(content)

    assert isinstance(fault, LoadFault)
    assert (fault.rule.id, fault.line, fault.column) == ("SL002", line, column)
    assert words in fault.message
