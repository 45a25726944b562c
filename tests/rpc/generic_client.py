#!/usr/bin/env python3
"""A client that knows nothing of dmgr but its address: all else it asks server reflection.

  generic_client.py ADDRESS USER CLUSTER < PASSWORD

Lists the services, describes a message, logs in, destroys the cluster, watches the operation to its
end and provokes an error with details. Prints a line for each; the exit status is 1 when the server
does not behave.
"""
import sys
import uuid

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

REFLECTION = "grpc.reflection.v1alpha"
DEADLINE = 60


def reflection_file():
    """What of reflection.proto is needed: no package of Debian brings it for Python."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="reflection.proto", package=REFLECTION,
                                              syntax="proto3")
    shapes = {
        "Request": [("file_containing_symbol", 4, None), ("list_services", 7, None)],
        "Response": [("file_descriptor_response", 4, "Files"),
                     ("list_services_response", 6, "Services"), ("error_response", 7, "Failure")],
        "Files": [("file_descriptor_proto", 1, bytes)],
        "Services": [("service", 1, "Service*")],
        "Service": [("name", 1, None)],
        "Failure": [("error_message", 2, None)],
    }
    for name, fields in shapes.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind in fields:
            field = message.field.add(name=field_name, number=number, label=kinds.LABEL_OPTIONAL)
            if isinstance(kind, str):
                field.type = kinds.TYPE_MESSAGE
                field.type_name = f".{REFLECTION}.{kind.rstrip('*')}"
            else:
                field.type = kinds.TYPE_BYTES if kind is bytes else kinds.TYPE_STRING
            if kind is bytes or kind == "Service*":
                field.label = kinds.LABEL_REPEATED
    return file


class Server:
    def __init__(self, address):
        self.channel = grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
        self.pool = descriptor_pool.DescriptorPool()
        self.factory = message_factory.MessageFactory(self.pool)
        self.pool.Add(reflection_file())
        self.known = set()
        self.metadata = []

    def message(self, name):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName(name))

    def reflect(self, **fields):
        request = self.message(REFLECTION + ".Request")(**fields)
        call = self.channel.stream_stream(
            f"/{REFLECTION}.ServerReflection/ServerReflectionInfo",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=self.message(REFLECTION + ".Response").FromString)
        answer = next(call(iter([request]), timeout=DEADLINE))
        if answer.HasField("error_response"):
            raise KeyError(f"{fields}: {answer.error_response.error_message}")
        return answer

    def services(self):
        answer = self.reflect(list_services="*")
        return sorted(one.name for one in answer.list_services_response.service)

    def learn(self, symbol):
        """Adds the file of a symbol and all that it imports."""
        answer = self.reflect(file_containing_symbol=symbol)
        files = {}
        for data in answer.file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(data)
            files[file.name] = file

        def add(name):
            if name in self.known:
                return
            self.known.add(name)
            for imported in files[name].dependency:
                add(imported)
            self.pool.Add(files[name])
        for name in files:
            add(name)

    def call(self, service, method, **fields):
        """The answer, or an iterator of answers of a method that streams."""
        self.learn(service)
        found = self.pool.FindServiceByName(service).FindMethodByName(method)
        request = self.factory.GetPrototype(found.input_type)(**fields)
        described = descriptor_pb2.MethodDescriptorProto()
        found.CopyToProto(described)
        kind = self.channel.unary_stream if described.server_streaming else self.channel.unary_unary
        call = kind(f"/{service}/{method}",
                    request_serializer=lambda message: message.SerializeToString(),
                    response_deserializer=self.factory.GetPrototype(found.output_type).FromString)
        return call(request, timeout=DEADLINE, metadata=self.metadata)


def expect(condition, words):
    if not condition:
        sys.exit("generic client: " + words)


def show_message(server, name):
    server.learn(name)
    fields = server.pool.FindMessageTypeByName(name).fields
    expect(fields, name + " has no fields")
    print(name, *(f"{field.number}:{field.name}" for field in fields))


def watch(server, operation_id):
    sequence, states = 0, []
    for answer in server.call("dmgr.v1.OperationService", "WatchOperation",
                              operation_id=operation_id):
        if not answer.HasField("event"):
            continue
        event = answer.event
        expect(event.sequence == sequence + 1, f"event {event.sequence} after {sequence}")
        sequence = event.sequence
        if event.HasField("operation_state"):
            field = event.operation_state.DESCRIPTOR.fields_by_name["state"]
            states.append(field.enum_type.values_by_number[event.operation_state.state].name)
    print("watched", sequence, *states)


def show_error(server):
    """An error says what it is about in messages that reflection knows as well."""
    try:
        server.call("dmgr.v1.MachineService", "GetMachine", machine_id="nobody")
    except grpc.RpcError as error:
        trailer = dict(error.trailing_metadata())["grpc-status-details-bin"]
        server.learn("google.rpc.Status")
        status = server.message("google.rpc.Status").FromString(trailer)
        expect((status.code, status.message) == (error.code().value[0], error.details()),
               "the details are of another error")
        for detail in status.details:
            name = detail.type_url.rpartition("/")[2]
            server.learn(name)
            unpacked = server.message(name).FromString(detail.value)
            print("error", error.code().name, name,
                  json_format.MessageToJson(unpacked, indent=None))
        return
    expect(False, "a machine that is not there was found")


def main():
    address, user, cluster = sys.argv[1:]
    server = Server(address)
    print("services", *server.services())
    show_message(server, "dmgr.v1.Machine")
    answer = server.call("dmgr.v1.AuthService", "Login", user_name=user,
                         password=sys.stdin.readline().rstrip("\n"))
    server.metadata = [("authorization", "Bearer " + answer.session.token)]
    print("logged in", answer.user.name)
    answer = server.call("dmgr.v1.ClusterService", "DestroyCluster", cluster_name=cluster,
                         request_id=str(uuid.uuid4()))
    watch(server, answer.operation.operation_id)
    show_error(server)


main()
