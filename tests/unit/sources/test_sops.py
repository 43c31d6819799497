"""Files that SOPS has encrypted, with a program in its place: how it is run, and what is made of how it ends."""

import json
import os
import sys
from pathlib import Path

import pytest

from reconciler.sources.sops import MAX_FILE_BYTES, RETRY_S, SopsError, SopsFile

CANARY = "CANARY_hunter2"
ENCRYPTED = "-----BEGIN AGE ENCRYPTED FILE-----"


class Bench:
    """An encrypted file as far as one can tell, a key, and a program that ends as a test wants and notes each run."""

    def __init__(self, home: Path) -> None:
        self.file = home / "stream.sops.yaml"
        self.key = home / "key.txt"
        self.runs = home / "runs"
        self.time_s = 0.0
        self._programs = home / "bin"
        self._programs.mkdir()
        self.file.write_text(ENCRYPTED)
        self.key.write_text("AGE-SECRET-KEY-1")
        self.key.chmod(0o600)
        self.prints({"tower": CANARY})

    def prints(self, values: object, *, status: int = 0) -> None:
        """Have the program print this, and end so."""
        self.writes(f"print({json.dumps(json.dumps(values))}); sys.exit({status})")

    def writes(self, body: str) -> None:
        """Have the program do this."""
        seen = "json.dumps([sys.argv[1:], sys.stdin.read(), dict(os.environ)])"
        note = f"open({str(self.runs)!r}, 'a').write({seen} + '\\n')"
        program = self._programs / "sops"
        program.write_text(f"#!{sys.executable} -IS\nimport json, os, sys\n{note}\n{body}\n")
        program.chmod(0o755)

    def opened(self, *, timeout_s: float = 30.0) -> SopsFile:
        """Return the file, not yet read."""
        return SopsFile(
            self.file,
            key_file=self.key,
            programs=str(self._programs),
            timeout_s=timeout_s,
            now_s=lambda: self.time_s,
        )

    def noted(self) -> list[tuple[list[str], str, dict[str, str]]]:
        """Return the arguments, the input and the environment of each run."""
        return [json.loads(line) for line in self.runs.read_text().splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench."""
    return Bench(tmp_path)


def refused(file: SopsFile, name: str = "tower") -> str:
    """Return why a file cannot be used."""
    with pytest.raises(SopsError) as caught:
        file.text(name)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert CANARY not in str(caught.value)
    return str(caught.value)


def test_the_program_gets_the_file_by_a_pipe_and_nothing_of_our_environment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No credentials of a key service, and no path of a file that may be another one by then."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)

    assert bench.opened().text("tower") == CANARY

    [(arguments, given, environment)] = bench.noted()
    assert arguments == ["--decrypt", "--input-type", "yaml", "--output-type", "json", "/dev/stdin"]
    assert given == ENCRYPTED
    assert environment.keys() - {"LC_CTYPE"} == {"PATH", "HOME", "SOPS_AGE_KEY_FILE"}
    assert environment["SOPS_AGE_KEY_FILE"] == str(bench.key)


def test_a_file_is_opened_once_until_it_or_the_key_changes(bench: Bench) -> None:
    """Whether it could be opened or not."""
    file = bench.opened()
    for _ in range(2):
        assert file.text("tower") == CANARY
        assert file.text("mast") is None
    assert len(bench.noted()) == 1

    bench.file.write_text(f"{ENCRYPTED} anew")
    bench.prints({}, status=128)
    assert refused(file) == refused(file)
    assert len(bench.noted()) == 2

    bench.key.write_text("another key")
    bench.prints({"tower": "other"})
    assert file.text("tower") == "other"
    assert "CANARY" not in repr(vars(file))


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (25, "changed by something other than sops"),
        (51, "changed by something other than sops"),
        (52, "changed by something other than sops"),
        (128, "key.txt opens it; `sops updatekeys`"),
        (1, "sops ends with 1; `sops decrypt"),
    ],
)
def test_how_sops_ends_is_told_in_our_words(bench: Bench, status: int, why: str) -> None:
    """What it printed is not, for it quotes lines and hashes of values."""
    bench.writes(f"print({CANARY!r}); print({CANARY!r}, file=sys.stderr); sys.exit({status})")

    message = refused(bench.opened())

    assert why in message
    assert str(bench.file) in message


@pytest.mark.parametrize("printed", [f"{CANARY} is no JSON", f'["{CANARY}"]', ""])
def test_what_is_no_mapping_is_not_taken(bench: Bench, printed: str) -> None:
    """As an encrypted list would be."""
    bench.writes(f"print({printed!r})")

    assert "sops ends with 0" in refused(bench.opened())


@pytest.mark.parametrize("value", [12345678901, 1.5, True, None, [CANARY], {"key": CANARY}])
def test_a_value_that_is_no_text_is_no_secret(bench: Bench, value: object) -> None:
    """A passphrase of digits alone has lost its zeros by then."""
    bench.prints({"tower": value})

    assert "is no text; put it in quotes" in refused(bench.opened())


def test_a_key_in_a_mapping_is_named_as_a_file_in_a_folder(bench: Bench) -> None:
    """However deep it is."""
    bench.prints({"platform": {"studio": {"key": CANARY}}, "tower": "t"})
    file = bench.opened()

    assert file.text("platform/studio/key") == CANARY
    assert [file.text(name) for name in ("platform/mast", "tower/key", "platform//studio")] == [None, None, None]


def test_a_key_that_everybody_may_read_is_refused(bench: Bench) -> None:
    """The group may, for that is how Kubernetes gives files to processes that are not root."""
    bench.key.chmod(0o640)
    assert bench.opened().text("tower") == CANARY

    bench.key.chmod(0o644)
    assert refused(bench.opened()) == (
        f"everybody here may read or write the age key {bench.key} (0644); `chmod 600` it"
    )


def test_without_a_key_nothing_is_opened(bench: Bench) -> None:
    """The message names the setting, or the path."""
    none = SopsFile(bench.file, key_file=None, programs=os.defpath)
    assert refused(none) == f"no age key is set to open {bench.file} with (secrets.ageKeyFile)"

    bench.key.unlink()
    assert refused(bench.opened()) == f"{bench.key}: No such file or directory"


def test_a_file_that_is_not_encrypted_for_age_is_not_given_to_the_program(bench: Bench) -> None:
    """One for a key service would have it call that service."""
    bench.file.write_text(f"tower: {CANARY}\nsops: {{kms: [], pgp: []}}\n")

    assert "is not encrypted by sops for an age key" in refused(bench.opened())
    assert not bench.runs.exists()


def test_a_file_that_cannot_be_a_list_of_secrets_is_refused(bench: Bench) -> None:
    """By its name, its size, or its kind; and nobody waits for a pipe."""
    bench.file.write_text(ENCRYPTED + " " * MAX_FILE_BYTES)
    assert "more than 1048576 bytes" in refused(bench.opened())
    bench.file.unlink()
    assert refused(bench.opened()) == f"{bench.file}: No such file or directory"
    bench.file.mkdir()
    assert "Is a directory" in refused(bench.opened())
    bench.file.rmdir()
    os.mkfifo(bench.file)
    assert "is not encrypted by sops for an age key" in refused(bench.opened())

    bench.file = bench.file.with_suffix(".txt")
    bench.file.write_text(ENCRYPTED)
    assert "named neither .yaml nor .json" in refused(bench.opened())


def test_a_failure_that_may_pass_is_tried_again_a_little_later(bench: Bench) -> None:
    """Once for all the names of a pass, and then anew, though neither the file nor the key has changed."""
    bench.writes("os.kill(os.getpid(), 9)")
    file = bench.opened()
    assert refused(file, "tower") == refused(file, "mast")
    assert "sops ends with -9" in refused(file)
    assert len(bench.noted()) == 1

    bench.prints({"tower": CANARY})
    bench.time_s = RETRY_S
    assert file.text("tower") == CANARY


def test_a_program_that_hangs_does_so_once_for_all_names(bench: Bench) -> None:
    """Ten names would else be ten times as long; that it would end well by now, nobody asks."""
    bench.writes("sys.stdout.close(); __import__('time').sleep(60)")
    file = bench.opened(timeout_s=0.0)
    assert refused(file, "tower") == f"sops did not open {bench.file} within 0 s"
    bench.prints({"mast": CANARY})

    assert refused(file, "mast") == f"sops did not open {bench.file} within 0 s"


def test_a_program_that_is_not_there_or_hangs_is_tried_again(bench: Bench) -> None:
    """Neither says anything of the file."""
    file = bench.opened(timeout_s=0.0)
    bench.writes(f"print({CANARY!r}, flush=True); sys.stdout.close(); __import__('time').sleep(60)")
    assert refused(file) == f"sops did not open {bench.file} within 0 s"

    (bench.file.parent / "bin" / "sops").unlink()
    file = bench.opened()
    assert "the program sops is not installed" in refused(file)
    (bench.file.parent / "bin" / "sops").write_text("no program")
    (bench.file.parent / "bin" / "sops").chmod(0o755)
    bench.time_s += RETRY_S
    assert "which cannot be run: Exec format error" in refused(file)
    bench.prints({"tower": CANARY})
    bench.time_s += RETRY_S
    assert file.text("tower") == CANARY
