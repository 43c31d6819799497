"""Rules between the documents that say how changes are made."""

from datetime import UTC, datetime

import pytest

from reconciler.domain.changes import Action
from reconciler.domain.documents import Document, LostDocument, OutputDocument, Policy, PolicyDocument
from reconciler.domain.model import FlowKey, Key, OutputKey, ResourceKind, key_of
from reconciler.domain.policies import Approval, Calendar, Limit, Move, Override, Policies
from reconciler.domain.rules.families import family
from reconciler.domain.rules.policies import needless
from reconciler.domain.rules.tree import judge
from tests.unit.domain.rules.worlds import InFile, flow, found, ids, output

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
NEWS, TOWER = FlowKey("news"), OutputKey("news", "tower")


def said(policy: Policy | None, *, name: str = "one", file: str = "p.yaml", kind: str = "") -> PolicyDocument:
    """Return the document of a policy."""
    flows = tuple(sorted(policy.flows)) if isinstance(policy, Calendar) else ()
    kind = kind or type(policy).__name__
    return PolicyDocument(place=InFile(file), kind=kind, name=name, policy=policy, flows=flows)


def approval(of: Key = TOWER, action: Action = Action.DELETE, change: str = "3f9ac1d2e4b5") -> Approval:
    """Return an approval."""
    return Approval(name="one", resource=of, action=action, change=change, reason="why", expires=NOON)


def override(of: Key | ResourceKind, action: Action = Action.EDIT) -> Override:
    """Return an override."""
    return Override(name="one", of=of, action=action, lifts=frozenset({Limit.BUDGET}), reason="why", expires=NOON)


def calendar(*flows: str) -> Calendar:
    """Return a calendar that is about flows."""
    return Calendar(name="one", zone="UTC", windows=(), flows=frozenset(flows))


def move(before: str, now: str) -> Move:
    """Return a move between addresses."""
    keys = key_of(before), key_of(now)
    assert keys[0] is not None
    assert keys[1] is not None
    return Move(name="one", before=keys[0], now=keys[1])


def policies(*documents: Document) -> Policies:
    """Return what documents say of how changes are made."""
    return judge(documents, family).policies


def test_sound_documents_are_policies() -> None:
    """Each of its kind, in the order of the documents."""
    first, second = approval(), approval(change="aaaaaaaaaaaa")
    lifted, freeze = override(ResourceKind.FLOW), calendar("news")
    renamed = move("output/news/old", "output/news/tower")
    every: list[Policy] = [first, lifted, second, freeze, renamed]
    documents = [said(one, name=f"n{number}") for number, one in enumerate(every)]

    assert policies(flow(), output(), *documents) == Policies(
        approvals=(first, second), overrides=(lifted,), calendars=(freeze,), moves=(renamed,)
    )
    assert ids(flow(), output(), *documents) == []


def test_names_are_unique_within_their_kind() -> None:
    """Without case; the later one is told and does not count. One without a name has none to share."""
    documents = [
        said(approval(), name="a", file="a.yaml"),
        said(override(ResourceKind.FLOW), name="A", file="b.yaml"),
        said(approval(change="aaaaaaaaaaaa"), name="A", file="c.yaml"),
        PolicyDocument(place=InFile("d.yaml"), kind="Approval", name=None, policy=None),
        PolicyDocument(place=InFile("e.yaml"), kind="Approval", name=None, policy=None),
    ]

    assert [(one.rule.id, one.at.file, one.message) for one in found(*documents)] == [
        ("SL303", "c.yaml", "another Approval has this name already: A")
    ]
    assert policies(*documents).approvals == (approval(),)


def test_a_broken_document_has_its_name_and_says_nothing() -> None:
    """Its namesake is told of, and it is no policy itself."""
    documents = [said(None, kind="Move", file="a.yaml"), said(move("flow/old", "flow/news"), file="b.yaml")]

    assert ids(flow(), *documents) == ["SL303"]
    assert policies(flow(), *documents) == Policies()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(("news",), [], id="a flow that there is"),
        pytest.param(("News",), ["SL302"], id="in another case"),
        pytest.param(("nwes",), ["SL301"], id="a slip"),
        pytest.param(("a", "b"), ["SL301", "SL301"], id="each is told"),
    ],
)
def test_a_calendar_is_about_flows_that_there_are(names: tuple[str, ...], expected: list[str]) -> None:
    """One that names another flow protects nothing, and does not count."""
    documents = flow(), output(), said(calendar(*names))

    assert ids(*documents) == expected
    assert len(policies(*documents).calendars) == (not expected)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(override(TOWER), [], id="an output that there is"),
        pytest.param(override(NEWS), [], id="a flow that there is"),
        pytest.param(override(OutputKey("news", "towr")), ["SL407"], id="an output that there is not"),
        pytest.param(override(FlowKey("old")), ["SL407"], id="a flow that there is not"),
        pytest.param(override(FlowKey("old"), Action.CREATE), ["SL407"], id="nothing to create"),
        pytest.param(override(FlowKey("old"), Action.START), ["SL407"], id="nothing to start"),
        pytest.param(override(FlowKey("old"), Action.DELETE), [], id="what goes is in no manifest"),
        pytest.param(override(FlowKey("old"), Action.STOP), [], id="what goes is stopped first"),
        pytest.param(override(ResourceKind.OUTPUT), [], id="a kind"),
        pytest.param(approval(FlowKey("old"), Action.RECREATE), ["SL407"], id="an approval of nothing"),
        pytest.param(approval(FlowKey("old"), Action.DELETE), [], id="an approval of a delete"),
    ],
)
def test_what_stays_is_among_the_manifests(policy: Policy, expected: list[str]) -> None:
    """A warning says so where it is not; the document counts all the same."""
    documents = flow(), output(), said(policy)

    assert ids(*documents) == expected
    assert policies(*documents) != Policies()


def test_the_nearest_address_is_suggested() -> None:
    """Of flows and outputs alike."""
    (finding,) = found(flow(), output(), said(override(OutputKey("news", "towr"))))

    assert (finding.message, finding.hint) == ("there is no output/news/towr", "did you mean output/news/tower?")


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        pytest.param(LostDocument(place=InFile("c"), name="old"), ([], []), id="it may be the flow, or an output"),
        pytest.param(LostDocument(place=InFile("c"), name="x"), (["SL407"], []), id="it may be an output alone"),
        pytest.param(LostDocument(place=InFile("c"), name=None), ([], []), id="it may be anything"),
        pytest.param(
            OutputDocument(place=InFile("c"), name=None, flow="news", draft=None), (["SL407"], []), id="an output"
        ),
        pytest.param(
            OutputDocument(place=InFile("c"), name="x", flow=None, draft=None), (["SL407"], []), id="of some flow"
        ),
    ],
)
def test_what_may_be_there_is_not_missed(broken: Document, expected: tuple[list[str], list[str]]) -> None:
    """Of a document that hides its name, or whose kind cannot be told, nobody knows what it defines."""
    of_flow = ids(flow(), output(), broken, said(override(FlowKey("old"))))
    of_output = ids(flow(), output(), broken, said(override(OutputKey("news", "old"))))

    assert (of_flow, of_output) == expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(approval(), ["SL408"], id="the same"),
        pytest.param(approval(OutputKey("news", "x")), [], id="another resource"),
        pytest.param(approval(action=Action.STOP), [], id="another action"),
        pytest.param(approval(change="aaaaaaaaaaaa"), [], id="another change"),
        pytest.param(override(TOWER, Action.DELETE), [], id="no approval"),
    ],
)
def test_one_approval_of_a_change_is_enough(other: Policy, expected: list[str]) -> None:
    """A second one is odd, and both count."""
    documents = said(approval(), name="a"), said(other, name="b")

    assert ids(flow(), output(), *documents) == expected


@pytest.mark.parametrize(
    ("action", "of_flow", "of_output"),
    [
        (Action.CREATE, 1, 0),
        (Action.START, 0, 1),
        (Action.EDIT, 0, 0),
        (Action.RECREATE, 0, 0),
        (Action.DELETE, 0, 0),
        ("stop", 0, 0),
    ],
)
def test_what_sends_to_nobody_needs_no_approval(action: str, of_flow: int, of_output: int) -> None:
    """Whoever approves it meant something else; what is no address is told of elsewhere."""
    assert len(list(needless(NEWS, action))) == of_flow
    assert len(list(needless(TOWER, action))) == of_output
    assert not list(needless(None, action))
