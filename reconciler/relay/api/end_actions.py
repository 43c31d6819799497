"""Actions on inputs and outputs."""

from dataclasses import replace

from reconciler.relay.api.calls import Call, Json, flow_alone
from reconciler.relay.api.describe import describe_flow, describe_input, describe_output
from reconciler.relay.api.inputs import accept_input
from reconciler.relay.api.outputs import accept_output, allowed_inputs, demand_feedable, demand_place
from reconciler.relay.api.refusals import RefusalError
from reconciler.relay.editing import may_add_or_remove, may_edit
from reconciler.relay.flows import End, Flow, Side
from reconciler.relay.plane import ControlPlane
from reconciler.streamlink.codes import Code


def with_new_input(plane: ControlPlane, flow: Flow, wanted: Json) -> Flow:
    """
    Return the flow with one more input.

    Raises:
        RefusalError: the input cannot be, or the flow has one: every source shows one input a flow, though the API's
            list could hold more.

    """
    if flow.inputs:
        raise RefusalError(Code.EXCEEDED_QUANTITY_LIMIT, "A flow has one input.")
    asked = accept_input(wanted, region=flow.region)
    return flow.with_end(End(id=plane.ids.next(), side=Side.INPUT, asked=asked))


def with_new_output(plane: ControlPlane, flow: Flow, wanted: Json) -> Flow:
    """
    Return the flow with one more output.

    Raises:
        RefusalError: the output cannot be, or not in this flow.

    """
    if len(flow.outputs) >= plane.limits.outputs:
        raise RefusalError(
            Code.EXCEEDED_QUANTITY_LIMIT,
            f"A flow has at most {plane.limits.outputs} outputs here, and this one has them; delete one, or start the "
            f"relay with a larger --max-outputs.",
        )
    asked = accept_output(wanted)
    _demand_free_name(asked, flow.outputs)
    demand_feedable(asked, flow.input)
    demand_place(asked, flow.outputs, plane.known_regions)
    return flow.with_end(End(id=plane.ids.next(), side=Side.OUTPUT, asked=asked))


async def create_input(plane: ControlPlane, call: Call) -> Json:
    """Give a flow its input."""
    async with flow_alone(plane, call) as flow:
        for wanted in call.payload["InputGroup"]:
            flow = with_new_input(plane, flow, wanted)  # noqa: PLW2901 -- each step builds on the one before
        made = await plane.commit(flow)
    return {"Info": describe_flow(plane.as_seen(made), call.profile)}


async def modify_input(plane: ControlPlane, call: Call) -> Json:
    """Replace what the input was asked to be; without a Protocol it keeps its own."""
    wanted = call.payload["Input"]
    async with flow_alone(plane, call) as flow:
        found = next((end for end in flow.inputs if end.id == wanted["InputId"]), None)
        if found is None:
            raise RefusalError(Code.ID, "The flow has no input of this InputId.")
        asked = accept_input({"Protocol": found.protocol, **wanted}, region=flow.region)
        if asked["Protocol"] not in allowed_inputs(output.protocol for output in flow.outputs):
            raise RefusalError(Code.PROTOCOL, f"{asked['Protocol']} input cannot feed the outputs that the flow has.")
        if not may_edit(plane.edit_rules, flow, found, asked):
            raise _running()
        made = await plane.commit(flow.with_end(replace(found, asked=asked)))
    return {"Info": describe_input(plane.as_seen(made), _end_of(made, found.id), call.profile)}


async def create_output(plane: ControlPlane, call: Call) -> Json:
    """Add an output to a flow."""
    async with flow_alone(plane, call) as flow:
        if not may_add_or_remove(plane.edit_rules, flow):
            raise _running()
        made = await plane.commit(with_new_output(plane, flow, call.payload["Output"]))
    return {"Info": describe_output(plane.as_seen(made), made.outputs[-1])}


async def modify_output(plane: ControlPlane, call: Call) -> Json:
    """Replace what an output was asked to be, all but its region, which Modify has no field for."""
    wanted = call.payload["Output"]
    async with flow_alone(plane, call) as flow:
        found = flow.output(wanted["OutputId"])
        if found is None:
            raise RefusalError(Code.OUTPUT_ID, "The flow has no output of this OutputId.")
        if wanted["Protocol"] != found.protocol:
            # The API has the field; the consoles never let it be changed, so nobody may come to rely on it here.
            raise RefusalError(Code.PROTOCOL, f"The Protocol of an output cannot be changed; it is {found.protocol}.")
        asked = accept_output({"OutputRegion": found.asked["OutputRegion"], **wanted})
        siblings = tuple(output for output in flow.outputs if output.id != found.id)
        _demand_free_name(asked, siblings)
        demand_place(asked, siblings, plane.known_regions)
        if not may_edit(plane.edit_rules, flow, found, asked):
            raise _running()
        made = await plane.commit(flow.with_end(replace(found, asked=asked)))
    return {"Info": describe_output(plane.as_seen(made), _end_of(made, found.id))}


async def delete_output(plane: ControlPlane, call: Call) -> Json:
    """Remove an output from its flow."""
    async with flow_alone(plane, call) as flow:
        if flow.output(call.payload["OutputId"]) is None:
            raise RefusalError(Code.NOT_FOUND, "The flow has no output of this OutputId.")
        if not may_add_or_remove(plane.edit_rules, flow):
            raise _running()
        await plane.commit(flow.without_output(call.payload["OutputId"]))
    return {}


def _demand_free_name(asked: Json, siblings: tuple[End, ...]) -> None:
    """Go on only where no sibling has the name; as with flows, two of one name could not be told apart."""
    if any(sibling.name == asked["OutputName"] for sibling in siblings):
        raise RefusalError(Code.NAME, "An output of this OutputName is in the flow already.")


def _end_of(flow: Flow, end_id: str) -> End:
    return next(end for end in flow.ends if end.id == end_id)


def _running() -> RefusalError:
    return RefusalError(Code.STATE, "The flow is RUNNING, and these edit rules want it stopped for this.")
