"""A gRPC service without reflection and without generated code.

It reads its own messages from a descriptor set, which the gateway gets too:

    protoc -I ../proto --include_imports --descriptor_set_out=stats.binpb stats/v1/stats.proto
    python3 stats.py stats.binpb

PORT is where it listens on loopback; default 50051.
"""

import os
import signal
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "stats.v1.Stats"


def load_messages(path: Path) -> dict:
    """Returns the message classes of a descriptor set, by full name."""
    descriptors = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors.file:
        pool.AddSerializedFile(file.SerializeToString())
    return message_factory.MessageFactory(pool).GetMessages([file.name for file in descriptors.file])


MESSAGES = load_messages(Path(sys.argv[1]))
Request = MESSAGES["stats.v1.DescribeRequest"]
Description = MESSAGES["stats.v1.Description"]


def describe(values) -> Description:
    if not values:
        return Description()
    return Description(
        count=len(values),
        min=min(values),
        max=max(values),
        mean=statistics.fmean(values),
        median=statistics.median(values),
    )


def describe_all(request, context):
    if not request.values:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "values must not be empty")
    return describe(request.values)


def follow(request, context):
    for end in range(1, len(request.values) + 1):
        yield describe(request.values[:end])


def main() -> None:
    codec = {
        "request_deserializer": Request.FromString,
        "response_serializer": Description.SerializeToString,
    }
    methods = {
        "Describe": grpc.unary_unary_rpc_method_handler(describe_all, **codec),
        "Follow": grpc.unary_stream_rpc_method_handler(follow, **codec),
    }
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    port = server.add_insecure_port(f"127.0.0.1:{os.environ.get('PORT', '50051')}")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    # The sidecar sends SIGTERM when the node has left etcd. Calls in flight may end.
    signal.signal(signal.SIGTERM, lambda *_: server.stop(5))
    server.wait_for_termination()


if __name__ == "__main__":
    main()
