"""A gRPC receiver made from our .proto: `grpc_sink.py GENERATED`. Prints its port, then one line of JSON for each
event it gets. The first call is answered UNAVAILABLE, so that it has to come again."""

import concurrent.futures
import json
import sys
import threading

sys.path.insert(0, sys.argv[1])

import grpc  # noqa: E402
from google.protobuf import empty_pb2  # noqa: E402
from vanus.core.cloudevents import cloudevents_pb2_grpc  # noqa: E402


PRINTING = threading.Lock()


def value_of(attribute):
    kind = attribute.WhichOneof("attr")
    value = getattr(attribute, kind)
    return value.ToJsonString() if kind == "ce_timestamp" else value


class Receiver(cloudevents_pb2_grpc.CloudEventsServicer):
    calls = 0

    def Send(self, request, context):
        Receiver.calls += 1
        if Receiver.calls == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        metadata = dict(context.invocation_metadata())
        for event in request.events.events:
            told = {
                "id": event.id,
                "source": event.source,
                "type": event.type,
                "specversion": event.spec_version,
                "attributes": {name: value_of(v) for name, v in sorted(event.attributes.items())},
                "text": event.text_data,
                "batch": len(request.events.events),
                "eventbus": request.eventbus_id,
                "authorization": metadata.get("authorization", ""),
            }
            with PRINTING:
                print(json.dumps(told), flush=True)
        return empty_pb2.Empty()


server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
cloudevents_pb2_grpc.add_CloudEventsServicer_to_server(Receiver(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
