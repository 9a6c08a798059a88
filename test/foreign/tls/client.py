"""Makes requests over TLS.

Arguments: OPERATION, http or grpc, URL, CA, the certificate and the key of the client or two empty ones, and for grpc the
descriptor set of echo.proto.
"""

import http.client
import os
import ssl
import sys
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..'))

operation, kind, url, ca, cert, key = sys.argv[1:7]
host = urllib.parse.urlsplit(url)
EVENTS = b'data: 1\n\ndata: 2\n\ndata: 3\n\n'


def context():
    made = ssl.create_default_context(cafile=ca)
    if cert:
        made.load_cert_chain(cert, key)
    return made


def expect(found, wanted):
    if found != wanted:
        sys.exit(f'{found!r} is not {wanted!r}')


def with_urllib(path, body=None):
    with urllib.request.urlopen(url + path, data=body, context=context()) as response:
        return response.read()


def get(connection):
    connection.request('GET', '/echo/x')
    expect(connection.getresponse().read(), b'hello')


def run_http():
    if operation == 'get':
        expect(with_urllib('/echo/x'), b'hello')
    elif operation == 'post':
        expect(with_urllib('/echo/x', b'sent'), b'sent')
    elif operation == 'events':
        expect(with_urllib('/echo/events'), EVENTS)
    elif operation == 'twice':
        # urllib closes each connection.
        connection = http.client.HTTPSConnection(host.hostname, host.port, context=context())
        get(connection)
        get(connection)
    else:
        sys.exit(f'no operation {operation}')


def run_grpc():
    import grpc
    from messages import load

    messages, _ = load(sys.argv[7])
    request, reply = (messages[f'waygate.test.v1.{name}'] for name in ('EchoRequest', 'EchoReply'))

    def read(path):
        with open(path, 'rb') as file:
            return file.read()

    credentials = grpc.ssl_channel_credentials(read(ca), *((read(key), read(cert)) if cert else ()))
    channel = grpc.secure_channel(host.netloc, credentials)
    codec = {'request_serializer': request.SerializeToString, 'response_deserializer': reply.FromString}
    unary = channel.unary_unary('/waygate.test.v1.Echo/Unary', **codec)
    text = 'x' * (100_000 if operation == 'post' else 5)
    if operation in ('get', 'post', 'twice'):
        expect(unary(request(text=text), timeout=20).text, text)
        if operation == 'twice':
            expect(unary(request(text=text), timeout=20).text, text)
    elif operation == 'events':
        stream = channel.unary_stream('/waygate.test.v1.Echo/ServerStream', **codec)
        expect([each.index for each in stream(request(count=3), timeout=20)], [0, 1, 2])
    else:
        sys.exit(f'no operation {operation}')


run_grpc() if kind == 'grpc' else run_http()
