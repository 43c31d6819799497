"""Which names a reference to a secret may use."""

import pytest

from reconciler.domain.rules.secret_names import DEFAULT_ENV_PATTERNS, env_problem, file_problem


@pytest.mark.parametrize(
    ("name", "patterns", "is_allowed"),
    [
        pytest.param("STREAM_CITY", DEFAULT_ENV_PATTERNS, True, id="of the default pattern"),
        pytest.param("STREAM_", DEFAULT_ENV_PATTERNS, True, id="a star may stand for nothing"),
        pytest.param("HOME", DEFAULT_ENV_PATTERNS, False, id="of no pattern"),
        pytest.param("XSTREAM_CITY", DEFAULT_ENV_PATTERNS, False, id="a pattern is for the whole name"),
        pytest.param("LIVE_KEY", ("STREAM_*", "LIVE_*"), True, id="of the second pattern"),
        pytest.param("TENCENTCLOUD_SECRET_KEY", ("*",), False, id="the account's key, whatever the setting"),
        pytest.param("tencentcloud_secret_key", ("*",), False, id="the account's key in another case"),
        pytest.param("RECONCILER_OWNER", ("*",), False, id="a setting of ours"),
        pytest.param("not a name", ("*",), False, id="no name"),
        pytest.param("ANY", (), False, id="no pattern at all"),
        pytest.param("AxB", ("A.B",), False, id="a dot is a dot"),
    ],
)
def test_env_problem(name: str, patterns: tuple[str, ...], *, is_allowed: bool) -> None:
    """Only what matches a pattern is read, and never what is reserved."""
    assert (env_problem(name, patterns) == "") is is_allowed


@pytest.mark.parametrize(
    ("name", "is_allowed"),
    [
        ("tower", True),
        ("partners/tower.key", True),
        ("..data/tower", True),
        ("/etc/passwd", False),
        ("../tower", False),
        ("a/../../b", False),
        ("a\nb", False),
        ("partners\\tower.key", False),
        ("C:\\keys\\tower", False),
        ("", False),
    ],
)
def test_file_problem(name: str, *, is_allowed: bool) -> None:
    """A name stays below the directory of secrets."""
    assert (file_problem(name) == "") is is_allowed


def test_a_problem_never_quotes_the_name() -> None:
    """People paste the secret itself where its name belongs."""
    problems = [env_problem("CANARY", ("STREAM_*",)), env_problem("CANARY!", ("*",)), file_problem("/CANARY")]

    assert not any("CANARY" in problem for problem in problems)
