"""Calls echo.proto one call after the other until its input ends, and then prints how many calls there were and which failed.

Usage: loop.py DESCRIPTOR_SET ADDRESS
"""

import json
import os
import sys
import threading

import grpc

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import messages

MESSAGES, _ = messages.load(sys.argv[1])
Request = MESSAGES["waygate.test.v1.EchoRequest"]
Reply = MESSAGES["waygate.test.v1.EchoReply"]

unary = grpc.insecure_channel(sys.argv[2]).unary_unary(
    "/waygate.test.v1.Echo/Unary",
    request_serializer=Request.SerializeToString,
    response_deserializer=Reply.FromString,
)
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
calls, failures = 0, []
while not over.wait(0.01):
    calls += 1
    try:
        unary(Request(text="a"), timeout=30)
    except grpc.RpcError as error:
        failures.append(f"{error.code()} {error.details()}")
print(json.dumps({"calls": calls, "failures": failures}))
