import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import type { GrpcDialect } from '../../../internal/grpc/content-type.ts'
import type { FindMethod } from '../../../internal/grpc/rpc.ts'
import type { ClientResponse } from '../../../internal/http/client-exchange.ts'
import { getAllHeaders, getHeader } from '../../../internal/http/header-lines.ts'
import type { UpstreamRequest, UpstreamResponse } from '../../../internal/upstream.ts'
import { createGrpcWeb } from '../../../wrappers/grpc/grpc-web.ts'
import { FakeBody } from '../../support/bodies.ts'
import { writeMessage } from '../../support/grpc-message.ts'
import { testRequest } from '../../support/route.ts'

const METHOD = 'task.v1.Tasks/Get'
const RPC = { method: METHOD, isIdempotent: false, isStreaming: undefined }

/** A client that takes everything. */
class Client extends EventEmitter implements ClientResponse {
  readonly parts: Buffer[] = []
  destroyed = false
  headersSent = true
  statusCode = 200
  writableFinished = false
  takesTrailers = false
  copiesChunks = false
  isAborted = false
  writeHead() {}
  write(chunk: Buffer | string): boolean {
    this.parts.push(Buffer.from(chunk as string, 'latin1'))
    return this.parts.length % 2 === 0
  }
  end(chunk?: Buffer | string) {
    if (chunk !== undefined) this.write(chunk)
    this.writableFinished = true
  }
  endWithTrailers() {
    assert.fail('trailers of HTTP')
  }
  writeInterim() {}
  sendContinue() {}
  allowSlowClient() {}
  closeAfter() {}
  abort() {
    this.isAborted = true
  }
}

interface Setting {
  readonly dialect?: GrpcDialect
  readonly headers?: string[]
  readonly body?: FakeBody
  readonly answer?: Partial<UpstreamResponse>
  readonly findMethod?: FindMethod
}

/** Sends a call through the wrapper. Returns what the node got, and the answer as far as its head. */
async function call({ dialect = 'web', headers, body, answer, findMethod = () => undefined }: Setting) {
  let sent: UpstreamRequest | undefined
  const upstream = createGrpcWeb(findMethod)(async request => {
    sent = request
    return {
      status: 200,
      headers: ['content-type', 'application/grpc+proto', 'x-custom', 'a'],
      sendBody: target => target.endWithTrailers(['grpc-status', '0']),
      discard() {},
      ...answer,
    }
  })
  const type = dialect === 'web-text' ? 'application/grpc-web-text+proto' : 'application/grpc-web+proto'
  const request = testRequest({
    method: 'POST',
    target: `/${METHOD}`,
    headers: headers ?? ['Content-Type', type, 'X-Grpc-Web', '1', 'x-user-agent', 'web/1', 'x-id', '7'],
    body: body ?? null,
    rpc: RPC,
    dialect,
  })
  const got = await upstream(request, new Call('id', 'POST', request.target, 0))
  const read = (isHidden?: (name: string) => boolean) => {
    const client = new Client()
    got.sendBody(client, isHidden)
    return client
  }
  return { request, sent: sent!, got, read }
}

/** Reads a body of gRPC-web in its parts: messages, and trailers as text. */
function partsOf(body: Buffer): string[] {
  const parts = []
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32BE(at + 1)
    const text = body.toString('latin1', at + 5, at + 5 + length)
    parts.push(`${body[at] === 0x80 ? 'trailers' : 'message'} ${text}`)
    at += 5 + length
  }
  return parts
}

test('the node gets gRPC, without the fields that are about gRPC-web alone', async () => {
  const { sent, request } = await call({})
  assert.deepEqual(sent.headers, ['x-id', '7', 'content-type', 'application/grpc+proto', 'te', 'trailers'])
  assert.equal(request.headers.length, 8, 'the head of the client stays')
  const text = await call({
    dialect: 'web-text',
    headers: ['content-type', 'application/grpc-web-text', 'content-length', '8'],
  })
  assert.deepEqual(text.sent.headers, ['content-type', 'application/grpc', 'te', 'trailers'])
})

test('messages pass as they are, and the trailers become the last part of the body', async () => {
  const message = writeMessage(Buffer.from('hello'))
  const { got, read } = await call({
    answer: {
      sendBody(target) {
        assert.equal(target.takesTrailers, true)
        assert.equal(target.write(message), false)
        assert.equal(target.write(message.toString('latin1'), 'latin1'), true)
        target.endWithTrailers(['grpc-status', '5', 'Grpc-Message', 'no%20task', 'x-trace-bin', 'AAE'])
      },
    },
  })
  assert.deepEqual(got.headers, ['content-type', 'application/grpc-web+proto', 'x-custom', 'a'])
  assert.deepEqual(partsOf(Buffer.concat(read().parts)), [
    'message hello',
    'message hello',
    'trailers grpc-status: 5\r\ngrpc-message: no%20task\r\nx-trace-bin: AAE\r\n',
  ])
})

test('a text body is base64 in parts that can be read one by one', async () => {
  const message = writeMessage(Buffer.from('hello!\xff', 'latin1'))
  const { got, read } = await call({
    dialect: 'web-text',
    answer: {
      sendBody(target) {
        assert.equal(target.copiesChunks, true)
        target.write(message)
        target.write(message.toString('latin1'), 'latin1')
        target.endWithTrailers(['grpc-status', '0'])
      },
    },
  })
  assert.equal(getHeader(got.headers, 'content-type'), 'application/grpc-web-text+proto')
  const { parts } = read()
  const decoded = parts.map(part => Buffer.from(part.toString('latin1'), 'base64'))
  for (const part of parts) assert.match(part.toString('latin1'), /^[A-Za-z0-9+/]+={0,2}$/)
  assert.deepEqual(partsOf(Buffer.concat(decoded)), [
    'message hello!\xff',
    'message hello!\xff',
    'trailers grpc-status: 0\r\n',
  ])
})

test('an answer of trailers alone has them in the body too', async () => {
  const { got, read } = await call({
    answer: {
      grpcStatus: 16,
      headers: [
        ...['content-type', 'application/grpc', 'grpc-status', '16', 'grpc-message', 'who?'],
        ...['x-reason', 'none', 'x-secret', 's', 'set-cookie', 'a=b', 'content-length', '0'],
      ],
      sendBody: target => target.end(),
    },
  })
  assert.equal(got.grpcStatus, 16)
  assert.deepEqual(got.headers, ['content-type', 'application/grpc-web', 'set-cookie', 'a=b'])
  const client = read(name => name === 'x-secret')
  assert.deepEqual(partsOf(Buffer.concat(client.parts)), [
    'trailers grpc-status: 16\r\ngrpc-message: who?\r\nx-reason: none\r\n',
  ])
  assert.ok(client.writableFinished)
})

test('an answer that breaks off is aborted, and one that ends without trailers has a status', async () => {
  const broken = await call({ answer: { sendBody: target => target.abort(false) } })
  assert.ok(broken.read().isAborted)
  const ended = await call({ answer: { sendBody: target => target.end(writeMessage(Buffer.from('a'))) } })
  const parts = partsOf(Buffer.concat(ended.read().parts))
  assert.equal(parts[0], 'message a')
  assert.match(parts[1]!, /^trailers grpc-status: 2\r\n/)
})

test('behind half of a message come no trailers', async () => {
  const { read } = await call({
    answer: {
      sendBody(target) {
        target.write(writeMessage(Buffer.from('hello')).subarray(0, 7))
        target.endWithTrailers(['grpc-status', '14'])
      },
    },
  })
  const client = read()
  assert.ok(client.isAborted)
  assert.equal(client.parts.length, 1)
})

test('an answer that is plain HTTP is left to those who know what to make of it', async () => {
  const headers = ['content-type', 'text/html', 'grpc-status', '0']
  const { got } = await call({ answer: { status: 404, headers } })
  assert.equal(got.headers, headers)
})

test('a text request is decoded, whatever its pieces', async () => {
  const body = new FakeBody()
  const { sent } = await call({ dialect: 'web-text', body })
  let seen = ''
  let ended = 0
  assert.equal(sent.body?.length, undefined)
  const flow = sent.body!.open({
    onData: chunk => {
      seen += chunk.toString('latin1')
    },
    onEnd: () => ended++,
    onError: assert.ifError,
  })
  assert.equal(sent.body!.begun, false)
  flow.resume()
  assert.equal(sent.body!.begun, true)
  const message = writeMessage(Buffer.from('hello'))
  for (const letter of message.toString('base64') + message.toString('base64')) body.send(letter)
  body.end()
  assert.equal(seen, message.toString('latin1').repeat(2))
  assert.equal(ended, 1)
})

test('a text request that is not base64 is refused, at once or at its end', async () => {
  for (const [pieces, stopped] of [
    [['AAAA', 'A\r\nA='], true],
    [['AAA'], false],
  ] as const) {
    const body = new FakeBody()
    const { sent } = await call({ dialect: 'web-text', body })
    const errors: unknown[] = []
    sent.body!.open({ onData() {}, onEnd: () => assert.fail('ended'), onError: error => errors.push(error) })
    for (const piece of pieces) body.send(piece)
    if (!stopped) body.end()
    assert.equal(errors.length, 1)
    assert.equal((errors[0] as { code?: string }).code, 'WG_BAD_REQUEST')
    assert.equal(body.isStopped, stopped)
  }
})

test('a call whose client sends a stream is refused where that is known', async () => {
  const traits = { streamsRequest: true, streamsAnswer: false, isIdempotent: false }
  const findMethod: FindMethod = (service, method) =>
    service === 'user' && method === METHOD ? traits : undefined
  await assert.rejects(call({ findMethod }), { code: 'WG_NO_METHOD' })
  await call({ findMethod: () => ({ ...traits, streamsRequest: false, streamsAnswer: true }) })
})

test('other requests pass untouched', async () => {
  const { sent, request, got } = await call({
    dialect: 'grpc',
    headers: ['content-type', 'application/grpc'],
  })
  assert.equal(sent, request)
  assert.equal(getAllHeaders(got.headers, 'content-type'), 'application/grpc+proto')
})
