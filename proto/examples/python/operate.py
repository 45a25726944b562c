#!/usr/bin/env python3
"""Starts an operation on a cluster, shows how it goes, and waits for its end:

  operate.py ADDRESS USER CLUSTER start|stop|restart|destroy [CA_FILE] < PASSWORD

The exit status is 0 when it succeeded, 1 when it failed, 3 when it was refused.
"""
import pathlib
import sys

from dmgr.v1 import cluster_service_pb2, cluster_service_pb2_grpc, errors_pb2, operation_service_pb2
from dmgr.v1 import next_action_pb2

from dmgr_client import Client, Failure


def state_name(state):
    return operation_service_pb2.OperationState.Name(state).removeprefix("OPERATION_STATE_").lower()


def begin(client, cluster, action):
    """The operation. One that is in the way is waited for; one that has failed needs a person."""
    stub = cluster_service_pb2_grpc.ClusterServiceStub(client.channel)
    name = action.capitalize() + "Cluster"
    while True:
        request = getattr(cluster_service_pb2, name + "Request")(cluster_name=cluster)
        try:
            return client.call(getattr(stub, name), request).operation
        except Failure as failure:
            may_wait = any(one.action == next_action_pb2.ACTION_WATCH_OPERATION
                           for one in failure.next_actions)
            if failure.reason != errors_pb2.ERROR_REASON_CLUSTER_BUSY or not may_wait:
                raise
            print("waiting for operation", failure.values["operation_id"])
            client.wait(failure.values["operation_id"])


def show(event, titles):
    kind = event.WhichOneof("event")
    if kind == "operation_state":
        print(f"{event.progress_percent:3.0f} %  {state_name(event.operation_state.state)}")
    elif kind == "step_state":
        step = event.step_state
        state = operation_service_pb2.StepState.Name(step.state).removeprefix("STEP_STATE_").lower()
        print(f"{event.progress_percent:3.0f} %  {titles.get(step.step_id, step.step_id)}: {state}")
    elif kind == "log":
        print("      ", event.log.text)


def tell(failure):
    print(f"error: {failure.message} ({failure.name})", file=sys.stderr)
    for field, description in failure.fields:
        print(f"  {field} {description}", file=sys.stderr)
    for one in failure.next_actions:
        print("next:", next_action_pb2.Action.Name(one.action), dict(one.arguments), file=sys.stderr)


def main():
    address, user, cluster, action, *ca = sys.argv[1:]
    client = Client(address, pathlib.Path(ca[0]).read_bytes() if ca else None)
    try:
        client.log_in(user, sys.stdin.readline().rstrip("\n"))
        operation = begin(client, cluster, action)
        print("operation", operation.operation_id)
        titles = {step.step_id: step.title for step in operation.steps}
        for event in client.watch(operation.operation_id):
            show(event, titles)
        ended = client.wait(operation.operation_id)
    except Failure as failure:
        tell(failure)
        return 3
    print(state_name(ended.state))
    if ended.state != operation_service_pb2.OPERATION_STATE_SUCCEEDED:
        tell(Failure(ended.error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
