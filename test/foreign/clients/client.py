"""Calls echo.proto in every way, and prints a line of JSON for each kind of call.

Usage: client.py DESCRIPTOR_SET ADDRESS ROUNDS
"""

import base64
import json
import os
import sys

import grpc

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import messages

MESSAGES, _ = messages.load(sys.argv[1])
DETAILS = base64.b64decode(os.environ["DETAILS"])
Request = MESSAGES["waygate.test.v1.EchoRequest"]
Reply = MESSAGES["waygate.test.v1.EchoReply"]
CODEC = {"request_serializer": Request.SerializeToString, "response_deserializer": Reply.FromString}

channel = grpc.insecure_channel(
    sys.argv[2],
    options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
)
SERVICE = "/waygate.test.v1.Echo/"
unary = channel.unary_unary(SERVICE + "Unary", **CODEC)
server_stream = channel.unary_stream(SERVICE + "ServerStream", **CODEC)
client_stream = channel.stream_unary(SERVICE + "ClientStream", **CODEC)
bidi = channel.stream_stream(SERVICE + "Bidi", **CODEC)
PATIENCE = 30


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"{str(found)[:200]} is not {str(wanted)[:200]}")


def failure_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call did not fail")


def run_unary():
    reply = unary(Request(text="ä☃"), timeout=PATIENCE)
    equal(reply.text, "ä☃")
    return reply.node


def run_server_stream():
    replies = list(server_stream(Request(text="a", count=5), timeout=PATIENCE))
    equal([reply.index for reply in replies], [0, 1, 2, 3, 4])
    return replies[0].node


def run_client_stream():
    reply = client_stream(iter([Request(text="a"), Request(text="b")]), timeout=PATIENCE)
    equal(reply.text, "a,b")
    return reply.node


def run_bidi():
    texts, node = [], None

    def requests():
        # Each request waits for the reply to the one before.
        for text in "abc":
            yield Request(text=text)
            while not texts or texts[-1] != text:
                pass

    for reply in bidi(requests(), timeout=PATIENCE):
        texts.append(reply.text)
        node = reply.node
    equal(texts, ["a", "b", "c"])
    return node


def run_deadline():
    reply = unary(Request(), timeout=20)
    equal(0 < reply.deadline_ms <= 21_000, True)
    error = failure_of(lambda: unary(Request(delay_ms=5_000), timeout=0.3))
    equal(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)


def run_cancel():
    call = server_stream(Request(count=100, delay_ms=50), timeout=PATIENCE)
    next(call)
    call.cancel()
    equal(failure_of(lambda: list(call)).code(), grpc.StatusCode.CANCELLED)


def run_status():
    fail = {"code": 5, "message": "nö 100% ☃"}
    error = failure_of(lambda: unary(Request(fail=fail), timeout=PATIENCE))
    equal((error.code(), error.details()), (grpc.StatusCode.NOT_FOUND, "nö 100% ☃"))
    call = server_stream(Request(fail={**fail, "after": 2}), timeout=PATIENCE)
    next(call), next(call)
    equal(failure_of(lambda: next(call)).code(), grpc.StatusCode.NOT_FOUND)


def run_details():
    fail = {"code": 5, "message": "gone", "details": DETAILS}
    error = failure_of(lambda: unary(Request(fail=fail), timeout=PATIENCE))
    equal(dict(error.trailing_metadata())["grpc-status-details-bin"], DETAILS)


def run_metadata():
    sent = (("x-echo-a", "one"), ("x-echo-b-bin", b"\x00\xff"))
    reply, call = unary.with_call(Request(), metadata=sent, timeout=PATIENCE)
    for got in (dict(call.initial_metadata()), dict(call.trailing_metadata())):
        equal((got["x-echo-a"], got["x-echo-b-bin"]), ("one", b"\x00\xff"))
    equal(reply.metadata["x-echo-b-bin"], "AP8=")
    return reply.node


def run_large():
    payload = bytes(range(256)) * 4 * 1024 * 3
    reply = unary(Request(payload=payload), timeout=PATIENCE)
    equal(reply.payload == payload, True)
    return reply.node


KINDS = {
    "unary": run_unary,
    "server stream": run_server_stream,
    "client stream": run_client_stream,
    "bidi": run_bidi,
    "deadline": run_deadline,
    "cancel": run_cancel,
    "status": run_status,
    "details": run_details,
    "metadata": run_metadata,
    "large": run_large,
}
for kind, run in KINDS.items():
    nodes, error = [], None
    for _ in range(int(sys.argv[3])):
        try:
            nodes.append(run())
        except Exception as failed:
            error = f"{type(failed).__name__}: {failed}"[:500]
    print(json.dumps({"kind": kind, "error": error, "nodes": [node for node in nodes if node]}), flush=True)
