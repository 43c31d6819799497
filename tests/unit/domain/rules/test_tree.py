"""Rules between all documents."""

from dataclasses import replace

import pytest

from reconciler.domain.documents import Document, LostDocument, OutputDocument
from reconciler.domain.model import FlowState, RtmpAddress, RtmpPush
from reconciler.domain.protocols import Protocol
from reconciler.domain.rules.families import family
from reconciler.domain.rules.tree import judge
from tests.unit.domain.rules.worlds import CALLER, FRANKFURT, InFile, calling, env, flow, found, ids, output


def test_a_sound_tree_says_what_is_desired() -> None:
    """Without a fault there is no finding, and the desired state is sorted by name, whatever the order of files."""
    documents: list[Document] = [output("b"), flow("zebra"), output("a"), flow("news"), output("c", of="zebra")]

    judgement = judge(documents, family)

    assert judgement.findings == ()
    assert [str(one.key) for one in judgement.desired.flows] == ["flow/news", "flow/zebra"]
    assert [str(one.key) for one in judgement.desired.outputs] == [
        "output/news/a",
        "output/news/b",
        "output/zebra/c",
    ]


def test_an_output_takes_the_region_of_its_flow() -> None:
    """What an output does not say of its region, its flow says."""
    judgement = judge([flow(region=FRANKFURT), output()], family)

    assert judgement.desired.outputs[0].spec.region == FRANKFURT


def test_an_output_of_no_flow_is_told_what_may_be_meant() -> None:
    """A slip in the name of a flow is a finding at the reference, with the name that is close."""
    (finding,) = found(flow("city_news"), output(of="city_new"))

    assert finding.rule.id == "SL301"
    assert finding.pointer == "/spec/flow"
    assert finding.hint == "did you mean city_news?"


def test_an_output_of_nothing_close_is_told_to_give_the_path() -> None:
    """Where nothing is close, the flow may be in a path that was not given."""
    (finding,) = found(output(of="x" * 70))

    assert finding.message == "there is no flow of this name"
    assert "path" in finding.hint


def test_a_reference_in_another_case_names_the_right_one() -> None:
    """References are exact; another case is its own rule."""
    (finding,) = found(flow("City"), output(of="city"))

    assert finding.rule.id == "SL302"
    assert (finding.message, finding.hint) == ("the flow is written City", "names are compared with their case")


def test_a_name_is_unique_without_case_and_the_later_one_is_blamed() -> None:
    """The later in path order is reported, and names where the earlier is."""
    (finding,) = found(flow("News", file="a.yaml"), flow("news", file="b.yaml"))

    assert finding.rule.id == "SL303"
    assert finding.at.file == "b.yaml"
    assert "a.yaml:1:" in finding.hint


def test_a_live_name_is_unique_in_its_region() -> None:
    """Two flows of a region that would be one object are a fault; in two regions they are two."""
    same = [flow("a", live_name="x"), flow("b", live_name="x", file="b.yaml")]
    apart = [flow("a", live_name="x"), flow("b", live_name="x", region=FRANKFURT)]

    assert ids(*same) == ["SL304"]
    assert ids(*apart) == []


def test_namesakes_are_one_fault() -> None:
    """Flows of one name have one live name too, and that is not said again."""
    assert ids(flow("a"), flow("a", file="b.yaml")) == ["SL303"]
    assert ids(flow("a", live_name="x"), flow("A", live_name="x", file="b.yaml")) == ["SL303"]
    running = (flow("a", state=FlowState.RUNNING), flow("A", live_name="x", state=FlowState.RUNNING, file="b.yaml"))
    assert ids(*running, output(of="a")) == ["SL303"]


def test_a_running_flow_without_outputs_is_a_warning() -> None:
    """It is none for an idle flow, nor where an output means this flow but writes it in another case."""
    running = flow("news", state=FlowState.RUNNING)

    assert ids(running) == ["SL310"]
    assert ids(flow("news")) == []
    assert ids(running, output(of="NEWS")) == ["SL302"]


def test_what_may_be_unknown_is_not_missed() -> None:
    """Where documents may be lost, a flow that is not seen may be in them, and so may an output."""
    assert ids(output(of="gone"), is_whole=False) == []
    assert ids(flow(state=FlowState.RUNNING), is_whole=False) == []


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param(LostDocument(place=InFile("c.yaml"), name="gone"), id="a document of that name and no kind"),
        pytest.param(LostDocument(place=InFile("c.yaml"), name=None), id="a document without name and kind"),
        pytest.param(replace(flow("x"), name=None, draft=None), id="a flow without a name"),
        pytest.param(replace(flow("gone"), draft=None), id="a broken flow of that name"),
    ],
)
def test_a_broken_document_may_be_the_flow_that_is_named(lost: LostDocument) -> None:
    """One fault gives one finding: the outputs of a broken flow have none of their own."""
    assert ids(lost, output(of="gone")) == []


def test_a_lost_document_of_another_name_hides_nothing() -> None:
    """A document that defines another name does not excuse a reference."""
    assert ids(LostDocument(place=InFile("c.yaml"), name="other"), output(of="gone")) == ["SL301"]


def test_a_broken_output_may_be_the_one_that_is_missed() -> None:
    """A running flow is not told of having no outputs while an output's flow cannot be read."""
    broken = OutputDocument(place=InFile("c.yaml"), name="x", flow=None, draft=None)

    assert ids(flow(state=FlowState.RUNNING), broken) == []
    assert ids(flow(state=FlowState.RUNNING), LostDocument(place=InFile("c.yaml"), name="x")) == []


def pushing(*urls: str, key: str = "STREAM_K", version: int = 0) -> RtmpPush:
    """Return the settings of an output that pushes one key to each of the URLs."""
    return RtmpPush(destinations=tuple(RtmpAddress(url=url, stream_key=env(key, version=version)) for url in urls))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param(pushing("rtmp://x/a"), pushing("rtmp://x/a"), ["SL306"], id="the same"),
        pytest.param(pushing("rtmp://x/a"), pushing("rtmp://X:1935/a/", version=2), ["SL306"], id="another spelling"),
        pytest.param(pushing("rtmps://x/a"), pushing("rtmps://x:443/a"), ["SL306"], id="over TLS"),
        pytest.param(pushing("rtmp://x/a"), pushing("rtmp://x/b"), [], id="another application"),
        pytest.param(pushing("rtmp://x/a"), pushing("rtmp://x/a", key="STREAM_L"), [], id="another key"),
        pytest.param(pushing("rtmp://x/a", "rtmp://x/a"), pushing("rtmp://y/a"), ["SL306"], id="within one output"),
    ],
)
def test_one_key_is_pushed_to_one_url_once(one: RtmpPush, other: RtmpPush, expected: list[str]) -> None:
    """Two publishers of one key would cut each other off; keys are compared by their references."""
    feeds = flow(protocol=Protocol.RTMP, settings=None)
    first = output("a", protocol=Protocol.RTMP_PUSH, settings=one)
    second = output("b", protocol=Protocol.RTMP_PUSH, settings=other, file="c.yaml")

    assert ids(feeds, first, second) == expected


def test_a_link_to_no_flow_is_an_unknown_flow() -> None:
    """An output may call only flows that there are."""
    (finding,) = found(flow(), output(settings=calling("nobody")))

    assert finding.rule.id == "SL301"
    assert finding.pointer == "/spec/srt/destination/flow"


def test_outputs_that_call_hosts_are_no_links() -> None:
    """A caller of a host is not looked up among the flows."""
    assert ids(flow(), output(settings=CALLER)) == []
