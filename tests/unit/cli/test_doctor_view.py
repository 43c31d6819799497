"""Tests of `cli.doctor_view`."""

import json

import click

from reconciler.cli import doctor_view
from reconciler.ports.checks import fail, ok, warn

SIGNS = (
    ok("git", "git version 2.39.5"),
    warn("file system", "it is on nfs4", "Name another with --state DIR."),
    fail("account", "refused\nby somebody\x1b[31m", ""),
)


def test_one_line_each_and_what_to_do_below_it() -> None:
    """Columns stand below each other, and text of others steers no terminal."""
    lines = [click.unstyle(line) for line in doctor_view.text(SIGNS)]

    assert lines == [
        "ok    git          git version 2.39.5",
        "warn  file system  it is on nfs4",
        "                   → Name another with --state DIR.",
        "fail  account      refused by somebody\\u001b[31m",
        "3 looked at: 1 ok, 1 warn, 1 fail",
    ]


def test_the_document_says_the_same() -> None:
    """Every sign with its grade, and the counts."""
    document = json.loads(doctor_view.document(SIGNS))

    assert document["counts"] == {"ok": 1, "warn": 1, "fail": 1}
    assert document["checks"][1] == {
        "about": "file system",
        "grade": "warn",
        "said": "it is on nfs4",
        "nextStep": "Name another with --state DIR.",
    }
