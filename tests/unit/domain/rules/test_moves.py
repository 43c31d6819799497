"""Rules between moves and the tree."""

import pytest

from reconciler.domain.documents import Document
from reconciler.domain.policies import Move, Policies
from tests.unit.domain.rules.test_policies import move, policies, said
from tests.unit.domain.rules.worlds import flow, found, ids, output

TREE: tuple[Document, ...] = (flow(), output(), output("spare"), flow("sports", file="c.yaml"))


def moves(*pairs: tuple[str, str]) -> list[Document]:
    """Return the documents of moves, each with its name and file."""
    return [said(move(*pair), name=f"n{number}", file=f"m{number}.yaml") for number, pair in enumerate(pairs)]


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([("flow/old", "flow/news")], id="a flow"),
        pytest.param([("output/news/old", "output/news/tower")], id="an output"),
        pytest.param([("flow/News", "flow/news")], id="another case"),
        pytest.param(
            [("flow/old", "flow/news"), ("output/old/a", "output/news/tower")], id="an output, flow of before"
        ),
        pytest.param([("flow/old", "flow/news"), ("output/news/a", "output/news/tower")], id="an output, flow of now"),
        pytest.param([("output/news/a", "output/news/tower"), ("output/news/b", "output/news/spare")], id="two"),
    ],
)
def test_a_move_that_holds(pairs: list[tuple[str, str]]) -> None:
    """From what no manifest has to what one has."""
    assert ids(*TREE, *moves(*pairs)) == []
    assert len(policies(*TREE, *moves(*pairs)).moves) == len(pairs)


def test_an_output_of_a_flow_that_moves_has_the_flow_of_now() -> None:
    """By whichever name its document calls the flow."""
    by_before = policies(*TREE, *moves(("flow/old", "flow/news"), ("output/old/a", "output/news/tower")))
    by_now = policies(*TREE, *moves(("flow/old", "flow/news"), ("output/news/a", "output/news/tower")))

    assert by_before.moves[1] == move("output/news/a", "output/news/tower")
    assert by_before == by_now


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param([("flow/news", "flow/news")], ["SL412"], id="to itself"),
        pytest.param([("output/news/a", "flow/news")], ["SL412"], id="an output to a flow"),
        pytest.param([("flow/a", "output/news/tower")], ["SL412"], id="a flow to an output"),
        pytest.param([("output/sports/a", "output/news/tower")], ["SL412"], id="into another flow"),
        pytest.param(
            [("flow/old", "flow/news"), ("output/old/tower", "output/news/tower")], ["SL412"], id="with its flow anyway"
        ),
        pytest.param(
            [("flow/old", "flow/news"), ("output/sports/a", "output/news/tower")], ["SL412"], id="from a third flow"
        ),
        pytest.param([("flow/old", "flow/nwes")], ["SL410"], id="to no flow"),
        pytest.param([("output/news/a", "output/news/b")], ["SL410"], id="to no output"),
        pytest.param([("output/news/spare", "output/news/tower")], ["SL411"], id="from what is there"),
        pytest.param([("flow/a", "flow/news"), ("flow/b", "flow/news")], ["SL413"], id="two to one"),
        pytest.param(
            [("output/news/a", "output/news/tower"), ("output/news/a", "output/news/spare")], ["SL413"], id="one to two"
        ),
        pytest.param([("flow/a", "flow/news"), ("flow/a", "flow/news")], ["SL413"], id="the same again"),
        pytest.param([("flow/a", "flow/b"), ("flow/b", "flow/news")], ["SL413"], id="a chain"),
        pytest.param([("flow/b", "flow/news"), ("flow/a", "flow/b")], ["SL413"], id="a chain, the last first"),
        pytest.param([("flow/a", "flow/sports"), ("flow/sports", "flow/news")], ["SL413"], id="a chain over what is"),
        pytest.param([("flow/news", "flow/sports"), ("flow/sports", "flow/news")], ["SL413"] * 2, id="an exchange"),
    ],
)
def test_a_move_that_does_not_hold(pairs: list[tuple[str, str]], expected: list[str]) -> None:
    """One fault is told once, and what it is told of is no policy."""
    documents = moves(*pairs)

    assert ids(*TREE, *documents) == expected
    assert len(policies(*TREE, *documents).moves) == len(pairs) - len(expected)


def test_a_fault_says_where_the_other_one_is() -> None:
    """And what to write."""
    (twice,) = found(*TREE, *moves(("flow/a", "flow/news"), ("flow/b", "flow/news")))
    (chain,) = found(*TREE, *moves(("flow/a", "flow/b"), ("flow/b", "flow/news")))
    (slip,) = found(*TREE, *moves(("flow/old", "flow/nwes")))
    (nowhere,) = found(*TREE, *moves(("flow/old", "flow/elsewhere_entirely")))

    assert (twice.message, twice.hint) == ("flow/news is moved by another document already", "it is at m0.yaml:1:5")
    assert twice.at.file == "m1.yaml"
    assert chain.message == "flow/b is moved on to flow/news by another document"
    assert (chain.at.file, "m1.yaml" in chain.hint) == ("m0.yaml", True)
    assert slip.hint == "did you mean flow/news?"
    assert nowhere.hint == "give the resource its new name in the same commit"


def test_a_tree_without_such_documents_has_no_policies() -> None:
    """As nearly all."""
    assert policies(*TREE) == Policies()


def test_a_move_is_kept_as_it_is_written_where_nothing_else_moves() -> None:
    """Names, kinds and all."""
    one = Move(name="one", before=move("flow/old", "flow/news").before, now=move("flow/old", "flow/news").now)

    assert policies(*TREE, *moves(("flow/old", "flow/news"))).moves == (one,)
