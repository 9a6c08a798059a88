"""The server of echo.proto in Python, with health and reflection (v1alpha) by hand.

Usage: server.py DESCRIPTOR_SET NAME
"""

import base64
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import messages

MESSAGES, FILES = messages.load(sys.argv[1])
NAME = sys.argv[2]
Request = MESSAGES["waygate.test.v1.EchoRequest"]
Reply = MESSAGES["waygate.test.v1.EchoReply"]
CODES = {code.value[0]: code for code in grpc.StatusCode}


class Status(grpc.Status):
    def __init__(self, code, details, trailing_metadata):
        self.code, self.details, self.trailing_metadata = code, details, trailing_metadata


def begin(context):
    """Sends metadata back, and returns what is to be sent as trailers."""
    sent_back = [(key, value) for key, value in context.invocation_metadata() if key.startswith("x-echo-")]
    context.send_initial_metadata(sent_back)
    return sent_back


def replies_to(request, context, trailers, index=0):
    has_failure = request.HasField("fail")
    count = request.fail.after if has_failure else max(request.count, 1)
    for sent in range(max(count, 1)):
        if request.delay_ms > 0:
            time.sleep(request.delay_ms / 1000)
        if sent < count:
            yield reply_to(request, context, index + sent)
    if has_failure:
        if request.fail.details:
            trailers = [*trailers, ("grpc-status-details-bin", request.fail.details)]
        context.abort_with_status(Status(CODES[request.fail.code], request.fail.message, trailers))
    context.set_trailing_metadata(trailers)


def reply_to(request, context, index):
    metadata = {}
    for key, value in context.invocation_metadata():
        metadata[key] = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    payload = b"x" * request.reply_bytes if request.reply_bytes > 0 else request.payload
    remaining = context.time_remaining()
    has_deadline = remaining is not None and remaining < 1e9
    return Reply(
        text=request.text,
        payload=payload,
        index=index,
        node=NAME,
        metadata=metadata,
        deadline_ms=int(remaining * 1000) if has_deadline else 0,
    )


def unary(request, context):
    (reply,) = list(replies_to(request, context, begin(context)))
    return reply


def server_stream(request, context):
    yield from replies_to(request, context, begin(context))


def client_stream(requests, context):
    trailers = begin(context)
    texts, last = [], Request()
    for last in requests:
        texts.append(last.text)
    last.text = ",".join(texts)
    last.count = 1
    (reply,) = list(replies_to(last, context, trailers))
    return reply


def bidi(requests, context):
    trailers = begin(context)
    index = 0
    for request in requests:
        for reply in replies_to(request, context, trailers, index):
            index += 1
            yield reply


def echo_handlers():
    codec = {"request_deserializer": Request.FromString, "response_serializer": Reply.SerializeToString}
    return {
        "Unary": grpc.unary_unary_rpc_method_handler(unary, **codec),
        "Get": grpc.unary_unary_rpc_method_handler(unary, **codec),
        "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream, **codec),
        "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream, **codec),
        "Bidi": grpc.stream_stream_rpc_method_handler(bidi, **codec),
    }


def health_handlers():
    Answer = MESSAGES["grpc.health.v1.HealthCheckResponse"]
    codec = {
        "request_deserializer": MESSAGES["grpc.health.v1.HealthCheckRequest"].FromString,
        "response_serializer": Answer.SerializeToString,
    }
    return {"Check": grpc.unary_unary_rpc_method_handler(lambda request, context: Answer(status=1), **codec)}


def reflect(requests, context):
    Answer = MESSAGES["grpc.reflection.v1alpha.ServerReflectionResponse"]
    files = {
        f"{file.package}.{service.name}": file for file in FILES.values() for service in file.service
    }
    for request in requests:
        answer = Answer(original_request=request)
        kind = request.WhichOneof("message_request")
        file = None
        if kind == "list_services":
            for name in files:
                answer.list_services_response.service.add(name=name)
        elif kind == "file_containing_symbol":
            file = files.get(request.file_containing_symbol)
        elif kind == "file_by_filename":
            file = FILES.get(request.file_by_filename)
        if file is not None:
            answer.file_descriptor_response.file_descriptor_proto.append(file.SerializeToString())
        elif kind != "list_services":
            answer.error_response.error_code = grpc.StatusCode.NOT_FOUND.value[0]
            answer.error_response.error_message = "not found"
        yield answer


def reflection_handlers():
    codec = {
        "request_deserializer": MESSAGES["grpc.reflection.v1alpha.ServerReflectionRequest"].FromString,
        "response_serializer": MESSAGES["grpc.reflection.v1alpha.ServerReflectionResponse"].SerializeToString,
    }
    return {"ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(reflect, **codec)}


def main():
    server = grpc.server(
        ThreadPoolExecutor(max_workers=32),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    services = {
        "waygate.test.v1.Echo": echo_handlers(),
        "grpc.health.v1.Health": health_handlers(),
        "grpc.reflection.v1alpha.ServerReflection": reflection_handlers(),
    }
    for name, handlers in services.items():
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    port = server.add_insecure_port(f"127.0.0.1:{os.environ.get('PORT', '0')}")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: server.stop(5))
    server.wait_for_termination()


main()
