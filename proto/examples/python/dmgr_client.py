#!/usr/bin/env python3
"""A client of dmgrd: logs in, calls, and turns what goes wrong into a Failure with a reason.

Needs the code that generate.sh makes, on PYTHONPATH, and python3-grpcio.
"""
import time
import uuid

import grpc
from google.rpc import error_details_pb2, status_pb2

from dmgr.v1 import (auth_service_pb2, auth_service_pb2_grpc, errors_pb2, next_action_pb2,
                     operation_service_pb2, operation_service_pb2_grpc)

PREFIX = "ERROR_REASON_"
# Seconds that a call may take, and that a dmgrd which went away is waited for.
DEADLINE, PATIENCE = 60, 120


class Failure(Exception):
    """What a call ended with. `reason` is a value of dmgr.v1.ErrorReason, 0 when dmgrd has given none or
    is newer than this code; `name` is its name all the same."""

    def __init__(self, status):
        super().__init__(status.message)
        self.code, self.message = status.code, status.message
        self.name, self.reason, self.values = "", 0, {}
        self.fields, self.next_actions = [], []
        for detail in status.details:
            info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            actions = next_action_pb2.NextActions()
            if detail.Unpack(info):
                self.name, self.values = info.reason, dict(info.metadata)
                known = errors_pb2.ErrorReason.keys()
                if PREFIX + info.reason in known:
                    self.reason = errors_pb2.ErrorReason.Value(PREFIX + info.reason)
            elif detail.Unpack(bad_request):
                self.fields = [(one.field, one.description) for one in bad_request.field_violations]
            elif detail.Unpack(actions):
                self.next_actions = list(actions.actions)

    @staticmethod
    def of_call(error):
        """That of a grpc.RpcError."""
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                return Failure(status_pb2.Status.FromString(value))
        return Failure(status_pb2.Status(code=error.code().value[0], message=error.details()))


class Client:
    """Of one dmgrd. `ca`: PEM of the CA of its certificate; none: plain text, on loopback only."""

    def __init__(self, address, ca=None):
        options = [("grpc.enable_http_proxy", 0)]
        self.channel = (grpc.insecure_channel(address, options) if ca is None else
                        grpc.secure_channel(address, grpc.ssl_channel_credentials(ca), options))
        self.metadata = []
        self.operations = operation_service_pb2_grpc.OperationServiceStub(self.channel)

    def log_in(self, user, password):
        request = auth_service_pb2.LoginRequest(user_name=user, password=password)
        answer = self.call(auth_service_pb2_grpc.AuthServiceStub(self.channel).Login, request)
        self.use_token(answer.session.token)

    def use_token(self, token):
        """A session's, or an API token."""
        self.metadata = [("authorization", "Bearer " + token)]

    def call(self, method, request, deadline=DEADLINE):
        """The answer. While dmgrd is away the call is made again: with the same request_id it counts
        once. Raises Failure."""
        names = request.DESCRIPTOR.fields_by_name
        if "request_id" in names and not request.request_id:
            request.request_id = str(uuid.uuid4())
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return method(request, timeout=deadline, metadata=self.metadata)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > until:
                    raise Failure.of_call(error) from error
                time.sleep(1)

    def watch(self, operation_id):
        """The events of an operation to its end, each once: a stream that breaks is taken up again after
        the last one seen."""
        sequence, until = 0, time.monotonic() + PATIENCE
        while True:
            request = operation_service_pb2.WatchOperationRequest(operation_id=operation_id,
                                                                  after_sequence=sequence)
            try:
                for answer in self.operations.WatchOperation(request, metadata=self.metadata):
                    if answer.HasField("event"):
                        sequence, until = answer.event.sequence, time.monotonic() + PATIENCE
                        yield answer.event
                return
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > until:
                    raise Failure.of_call(error) from error
                time.sleep(1)

    def wait(self, operation_id):
        """The operation when it has ended."""
        request = operation_service_pb2.WaitOperationRequest(operation_id=operation_id)
        request.timeout.FromSeconds(30)
        while True:
            answer = self.call(self.operations.WaitOperation, request)
            if answer.done:
                return answer.operation
