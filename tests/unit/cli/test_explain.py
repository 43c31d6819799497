"""`reconciler explain`."""

import pytest
from click.testing import CliRunner, Result

from reconciler.cli.main import cli
from reconciler.domain.rules.catalogue import RULES


def run(what: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["explain", what])


def test_a_property_is_explained() -> None:
    """Meaning, unit, range, default, and what is in it."""
    result = run("output.srt.latency")

    assert result.exit_code == 0
    head, *lines = result.stdout.splitlines()
    assert head == "output.spec.srt.latency  (a whole number or a mapping)"
    assert any("Milliseconds, 0 to 3000" in line for line in lines)
    assert " ".join(lines).count("Default") == 1
    assert any(line.startswith("  receiverCountry* ") for line in lines)


def test_a_kind_lists_its_properties() -> None:
    """Those that must be given are marked."""
    lines = run("flow.spec").stdout.splitlines()

    assert any(line.startswith("  region* ") for line in lines)
    assert any(line.startswith("  state   ") for line in lines)
    assert lines[-1] == "  (* must be given)"
    assert "…" not in "".join(lines)


def test_a_rule_is_explained() -> None:
    """In any case, with what to do and how a resource is excused."""
    result = run("sl214")

    assert result.exit_code == 0
    assert result.stdout.startswith("SL214 SRT without encryption (warning)\n")
    assert 'reconciler/ignore: "SL214: why"' in " ".join(result.stdout.split())
    assert "# wrong\nprotocol: SRT\n" in result.stdout


def test_a_rule_that_no_manifest_can_show_is_explained_in_words() -> None:
    """And nothing can be excused from it."""
    result = run("SL001")

    assert "For example: studio.yaml is a pipe" in result.stdout
    assert "excused" not in result.stdout


@pytest.mark.parametrize("what", ["", "nothing", "output.srt.latncy", "output..srt", "latency"])
def test_what_there_is_not_is_wrong_usage(what: str) -> None:
    """It is told what there is."""
    result = run(what)

    assert (result.exit_code, result.stdout) == (64, "")
    assert "There is nothing to explain" in result.stderr


def test_rules_are_listed() -> None:
    """One a line; one that there is not is told so."""
    assert run("rules").stdout.splitlines()[0] == "SL001  error    unreadable file"
    assert len(run("rules").stdout.splitlines()) == len(RULES)
    assert "There is no rule SL999" in run("SL999").stderr


@pytest.mark.parametrize(
    "what", ["maxConcurrent", "output.rtmpPush.destinations[0].url", "/spec/input/srt/source", "Flow"]
)
def test_a_property_is_found_as_people_name_it(what: str) -> None:
    """By its name alone, as a plan writes it, or as a pointer."""
    assert run(what).exit_code == 0


@pytest.mark.parametrize("columns", ["1", "30", "80"])
def test_a_narrow_terminal_gets_narrow_lines(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    """However narrow."""
    monkeypatch.setenv("COLUMNS", columns)

    result = run("output")

    assert result.exit_code == 0
    assert any(line.startswith("  protocol* ") for line in result.stdout.splitlines())
