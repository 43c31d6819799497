"""Statistics and logs over the API: what is asked wrongly is refused with the documented code."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from reconciler.relay.flows import Side
from reconciler.relay.media import TrackHealth, TrackKind
from reconciler.relay.recording.events import Entry, EventCode
from reconciler.relay.recording.samples import Sample, SrtSample
from tests.unit.relay.calling import NOW_S, Api, Json, srt_output

pytestmark = pytest.mark.anyio

STATISTICS: Final = "DescribeStreamLinkFlowStatistics"
LOGS: Final = "DescribeStreamLinkFlowLogs"
AT_S: Final = int(NOW_S) - 1000


def when(seconds_ago: float) -> str:
    """Return a time as the API takes it."""
    return datetime.fromtimestamp(NOW_S - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def two_ends(api: Api) -> tuple[Json, Json]:
    """Make a flow with an output; return both."""
    flow = await api.create_flow()
    return flow, await api.add(flow, srt_output())


def of_output(flow: Json, output: Json, **other: Any) -> Json:
    """Return what asks for the statistics of an output in the last hour."""
    return {
        "FlowId": flow["FlowId"],
        "Type": "output",
        "InputOutputId": output["OutputId"],
        "Pipeline": "0",
        "Period": "5s",
        "StartTime": when(3600),
        "EndTime": when(0),
        **other,
    }


def of_log(flow: Json, **other: Any) -> Json:
    """Return what asks for the log of the last hour."""
    asked = {"FlowId": flow["FlowId"], "Type": ["Input", "Output"], "Pipeline": ["0", "1"], "PageSize": 2}
    return {**asked, "StartTime": when(3600), "EndTime": when(0), **other}


@pytest.mark.parametrize(
    ("member", "code"),
    [
        pytest.param({"StartTime": when(8 * 86400), "EndTime": when(7.5 * 86400)}, "StartTime", id="8 days ago"),
        pytest.param({"StartTime": when(2 * 86400)}, "EndTime", id="two days at once"),
        pytest.param({"StartTime": when(0), "EndTime": when(1)}, "EndTime", id="ends before it begins"),
        pytest.param({"StartTime": "2023-02-30T00:00:00Z"}, "StartTime", id="a day that is none"),
        pytest.param({"EndTime": "yesterday"}, "EndTime", id="no time"),
        pytest.param({"Period": "7s"}, "Period", id="a period that is none"),
        pytest.param({"Pipeline": "2"}, "Pipeline", id="a third pipeline"),
        pytest.param({"Type": "both"}, "Type", id="a type that is none"),
        pytest.param({"Type": "input"}, "InputOutputId", id="an output as input"),
        pytest.param({"InputOutputId": "0" * 28}, "InputOutputId", id="nobody's id"),
        pytest.param({"FlowId": "0" * 28}, "Id", id="nobody's flow"),
    ],
)
async def test_wrong_questions_have_their_codes(api: Api, member: Json, code: str) -> None:
    """Each member of a request for statistics is answered with its own code."""
    flow, output = await two_ends(api)

    assert await api.code(STATISTICS, of_output(flow, output, **member)) == f"InvalidParameter.{code}"


@pytest.mark.parametrize(
    ("member", "code"),
    [
        pytest.param({"PageSize": 1001}, "PageSize", id="a long page"),
        pytest.param({"PageNum": 0}, "PageNum", id="a page before the first"),
        pytest.param({"SortType": "up"}, "SortType", id="an order that is none"),
        pytest.param({"Type": ["audio"]}, "Type", id="a type that is none"),
        pytest.param({"Pipeline": ["main"]}, "Pipeline", id="a pipeline that is none"),
        pytest.param({"StartTime": when(9 * 86400)}, "StartTime", id="nine days ago"),
    ],
)
async def test_wrong_questions_of_logs_have_their_codes(api: Api, member: Json, code: str) -> None:
    """Each member of a request for logs is answered with its own code."""
    flow, _ = await two_ends(api)

    assert await api.code(LOGS, of_log(flow, **member)) == f"InvalidParameter.{code}"


@pytest.mark.parametrize("service", ["mps", "mdc"])
async def test_samples_are_answered_in_both_profiles(api: Api, service: str) -> None:
    """Averages over a minute, losses in whole percent and never rounded to none; only one peer where one is asked."""
    flow, output = await two_ends(api)
    await api.plane.records.add(
        [
            Sample(
                flow_id=flow["FlowId"],
                end_id=output["OutputId"],
                session=ip,
                at_s=AT_S - AT_S % 60 + 5 * number,
                seconds=5.0,
                client_ip=ip,
                bitrate_bps=1000 * (number + 1),
                srt=SrtSample(rtt_ms=20.0, packets_sent=1000, send_lost=1),
                tracks=(TrackHealth(kind=TrackKind.VIDEO, bitrate_bps=900, fps=25.0, pid=256),),
            )
            for number in range(2)
            for ip in ("192.0.2.7", "192.0.2.8")
        ]
    )
    asked = of_output(flow, output, Period="1min", RemoteIp="192.0.2.7")

    moments = (await api.done(STATISTICS, asked, service=service))["Infos"]
    quality = (await api.done("DescribeStreamLinkFlowSRTStatistics", asked, service=service))["Infos"]
    both = (await api.done(STATISTICS, {**asked, "RemoteIp": ""}, service=service))["Infos"]

    assert moments == [
        {
            "Timestamp": AT_S - AT_S % 60,
            "FlowStatistics": [
                {
                    "SessionId": "192.0.2.7",
                    "ClientIp": "192.0.2.7",
                    "Network": 1500,
                    "Video": [{"Fps": 25, "Rate": 900, "Pid": 256}],
                    "Audio": [],
                }
            ],
        }
    ]
    assert [(each["SendPacketLossRate"], each["RTT"], each.get("SendPackets")) for each in quality] == [
        (1, 20, 2000 if service == "mdc" else None)
    ]
    assert len(both[0]["FlowStatistics"]) == 2
    await api.plane.records.close()


async def test_a_log_comes_in_pages(api: Api) -> None:
    """The newest first, with the counts that a client turns pages by."""
    flow, output = await two_ends(api)
    await api.plane.records.add(
        [],
        [
            Entry(
                flow_id=flow["FlowId"],
                at_s=AT_S + number + 0.5,
                side=Side.OUTPUT,
                end_id=output["OutputId"],
                end_name="tower",
                protocol="SRT",
                code=EventCode.REFUSED,
                message=f"{number}",
                remote_ip="192.0.2.7",
                remote_port="5000",
            )
            for number in range(3)
        ],
    )

    first = await api.done(LOGS, of_log(flow))
    second = await api.done(LOGS, of_log(flow, PageNum=2, SortType="DESC"))
    none = await api.done(LOGS, of_log(flow, Type=["input"]))

    assert [line["EventMessage"] for line in first["Infos"]] == ["2", "1"]
    assert (first["TotalNum"], first["TotalPage"], none["TotalNum"]) == (3, 2, 0)
    assert second["Infos"] == [
        {
            "Timestamp": AT_S,
            "Type": "output",
            "InputOutputId": output["OutputId"],
            "Protocol": "srt",
            "EventCode": "Refused",
            "EventMessage": "0",
            "RemoteIp": "192.0.2.7",
            "RemotePort": "5000",
            "Pipeline": "0",
            "InputOutputName": "tower",
        }
    ]
    await api.plane.records.close()
