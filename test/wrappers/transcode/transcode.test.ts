import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { Call } from '../../../internal/call.ts'
import type { JsonOptions } from '../../../internal/grpc/json-options.ts'
import type { ClientResponse } from '../../../internal/http/client-exchange.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import type { RequestBody, UpstreamRequest, UpstreamResponse } from '../../../internal/upstream.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { WholeBody } from '../../../internal/whole-body.ts'
import { readDescriptorSet } from '../../../wrappers/descriptors/repair.ts'
import { createSchema, type ServiceSchema } from '../../../wrappers/descriptors/schema.ts'
import { createTranscode } from '../../../wrappers/transcode/transcode.ts'
import { TranscodePlan } from '../../../wrappers/transcode/transcode-plan.ts'
import { writeMessage } from '../../support/grpc-message.ts'
import { JSON_OPTIONS } from '../../support/json-options.ts'
import { testRequest, testRoute } from '../../support/route.ts'

const TASK = readDescriptorSet(readFileSync(join(import.meta.dirname, '../../fixtures/grpc/task.binpb')))
const TASKS = createSchema(TASK)
/** A service that takes and gives bodies of any type. */
const FILES = createSchema([
  create(FileDescriptorProtoSchema, {
    ...{ name: 'files.proto', package: 'f', syntax: 'proto3' },
    service: [
      {
        name: 'Files',
        method: [
          { name: 'Put', inputType: '.google.api.HttpBody', outputType: '.google.api.HttpBody' },
          {
            name: 'Get',
            inputType: '.google.protobuf.Empty',
            outputType: '.google.api.HttpBody',
            serverStreaming: true,
          },
        ],
      },
    ],
  }),
])
const GRPC_HEAD = ['content-type', 'application/grpc']
const MAX_BYTES = 2_000

interface Scene {
  readonly schema?: ServiceSchema | undefined
  readonly answer: Partial<UpstreamResponse> & {
    readonly chunks?: readonly Buffer[]
    readonly trailers?: readonly string[]
  }
  readonly request?: Partial<UpstreamRequest>
  readonly body?: string | Buffer | undefined
  readonly maxBytes?: number
  readonly json?: Partial<JsonOptions>
}

/** What a client gets, and what a node was sent. */
interface Seen {
  readonly status: number
  readonly headers: readonly string[]
  readonly text: string
  readonly sent: UpstreamRequest | undefined
  readonly isDiscarded: boolean
}

async function ask(scene: Scene, call = new Call('id', 'POST', '/', 0)): Promise<Seen> {
  const { schema = TASKS, answer, request, body } = scene
  let sent: UpstreamRequest | undefined
  let isDiscarded = false
  const { chunks = [], trailers = ['grpc-status', '0'], ...rest } = answer
  const node: UpstreamResponse = {
    status: 200,
    headers: GRPC_HEAD,
    sendBody(target) {
      for (const chunk of chunks) target.write(chunk)
      if (trailers.length === 0) target.abort(false)
      else target.endWithTrailers(trailers)
    },
    discard: () => {
      isDiscarded = true
    },
    ...rest,
  }
  const maxMessageBytes = scene.maxBytes ?? MAX_BYTES
  const json = { ...JSON_OPTIONS, ...scene.json }
  const plan = new TranscodePlan(schema, { choice: 'all', rules: [], json, maxMessageBytes })
  const upstream = createTranscode({
    isTranscoded: () => true,
    planOf: () => plan,
    maxMessageBytes,
    counter: { message() {}, error() {} },
    streams: new Set(),
  })(async given => {
    sent = given
    return node
  })
  const given = body === undefined ? null : new WholeBody(Buffer.from(body))
  const response = await upstream(
    testRequest({
      ...{ method: 'POST', target: '/GetTask', body: given },
      headers: body === undefined ? [] : ['content-type', 'application/json'],
      ...request,
    }),
    call,
  )
  let text = ''
  const write = (chunk?: Buffer | string): boolean => {
    text += chunk ?? ''
    return true
  }
  response.sendBody({
    write,
    end: write,
    on() {},
    once() {},
    abort: () => write('<cut>'),
  } as unknown as ClientResponse)
  await new Promise(resolve => setImmediate(resolve))
  return { status: response.status, headers: response.headers, text, sent, isDiscarded }
}

const message = (...bytes: number[]): Buffer => writeMessage(Buffer.from(bytes))
const TASK_7 = message(0x08, 7)
/** The beginning of a message of 9 bytes. */
const HALF = Buffer.from([0, 0, 0, 0, 9, 1])

test('a call has the fields of the request as metadata, without those that are not', async () => {
  const headers = [
    ...[
      'Content-Type',
      'application/json',
      'Content-Length',
      '2',
      'Accept',
      '*/*',
      'accept-language',
      'de',
      'cookie',
      'a=b',
    ],
    ...[
      'grpc-timeout',
      '1S',
      'te',
      'trailers',
      'X-Custom',
      'c',
      'x-umlaut',
      'ü',
      'x-some-bin',
      'AAE=',
      'x-bad-bin',
      '!',
      'x-url-bin',
      '_-8=',
      'x-half-padded-bin',
      'AA=',
      'x-over-padded-bin',
      'AAE==',
      'x-unpadded-bin',
      'AAE',
      'host',
      'h',
    ],
  ]
  const { sent, text } = await ask({ answer: { chunks: [TASK_7] }, body: '{}', request: { headers } })
  assert.equal(text, '{"id":"7"}')
  assert.deepEqual(sent?.headers, [
    ...['content-type', 'application/grpc', 'grpc-accept-encoding', 'identity'],
    ...['x-custom', 'c', 'x-some-bin', 'AAE=', 'x-unpadded-bin', 'AAE', 'host', 'h'],
  ])
  assert.deepEqual(sent?.rpc, { method: 'task.v1.Tasks/GetTask', isIdempotent: true, isStreaming: false })
  assert.deepEqual([sent?.method, sent?.target, sent?.body?.length], ['POST', '/task.v1.Tasks/GetTask', 5])
})

test('an answer that is no call with one message is an error of the service', async () => {
  const cases: readonly (readonly [Scene['answer'], number, string])[] = [
    [{ chunks: [] }, 500, 'there is no message'],
    [{ chunks: [TASK_7, TASK_7] }, 500, 'there is more than one message'],
    [{ chunks: [Buffer.from([1, 0, 0, 0, 1, 0])] }, 500, 'a message is compressed'],
    [{ chunks: [Buffer.from([0, 255, 255, 255, 255])] }, 500, 'exceeds'],
    [{ chunks: [HALF] }, 500, 'in the middle of a message'],
    [{ chunks: [HALF], trailers: ['grpc-status', '4', 'grpc-message', 'late'] }, 504, 'late'],
    [{ chunks: [message(0x08)] }, 500, 'a value is cut off'],
    [{ chunks: [TASK_7], trailers: ['x', 'y'] }, 500, 'without a status'],
    [{ chunks: [TASK_7], trailers: ['grpc-status', '14', 'grpc-message', 'gone'] }, 503, 'gone'],
    [{ chunks: [TASK_7], trailers: ['grpc-status', '99'] }, 500, 'UNKNOWN'],
    [{ headers: ['content-type', 'text/html'], status: 503 }, 503, 'HTTP 503 instead of gRPC'],
    [{ headers: ['content-type', 'text/html'], status: 404 }, 501, 'HTTP 404 instead of gRPC'],
    [{ headers: [...GRPC_HEAD, 'grpc-status', '0'], grpcStatus: 0 }, 500, 'there is no message'],
    [{ headers: [...GRPC_HEAD, 'grpc-status', '5'], grpcStatus: 5 }, 404, 'NOT_FOUND'],
  ]
  for (const [answer, status, text] of cases) {
    const seen = await ask({ answer, body: '{}' })
    assert.equal(seen.status, status, text)
    assert.ok(seen.text.includes(text), `${seen.text} has ${text}`)
  }
})

test('a stream that fails in the middle of a message tells why', async () => {
  const trailers = ['grpc-status', '14', 'grpc-message', 'gone']
  const request = { target: '/WatchTasks' }
  const { text } = await ask({ answer: { chunks: [TASK_7, HALF], trailers }, request })
  const [, end] = text.split('\n')
  assert.equal(JSON.parse(end!)['@error'].detail, 'gone')
})

test('an answer that would become too much JSON is an error of the service', async () => {
  // A list of tasks, each of which has nothing or its id alone.
  const list = (bytes: readonly number[], count: number): Buffer =>
    writeMessage(
      Buffer.concat(Array.from({ length: count }, () => Buffer.from([0x0a, bytes.length, ...bytes]))),
    )
  const request = { target: '/task.v1.Tasks/ListTasks' }
  const listOf = async (answer: Buffer, json?: Partial<JsonOptions>) => {
    return ask({ answer: { chunks: [answer] }, body: '{}', request, json: { ...json } })
  }
  const whole = await listOf(list([0x08, 7], 300))
  assert.equal(whole.status, 200)
  assert.equal(JSON.parse(whole.text).tasks.length, 300)
  for (const [answer, json] of [
    [list([], 900), {}],
    [list([0x08, 7], 300), { emitDefaults: true }],
  ] as const) {
    const { status, text, isDiscarded } = await listOf(answer, json)
    assert.equal(status, 500)
    assert.match(text, /"INTERNAL".*the message is too large as JSON/)
    assert.ok(isDiscarded)
  }
})

test('trailers become fields of the answer as far as trailers may be fields', async () => {
  const trailers = [
    ...[
      'grpc-status',
      '0',
      'x-last',
      '2',
      'x-request-id',
      'evil',
      'X_Request_Id',
      'evil',
      'x-user-id',
      'evil',
    ],
    ...['connection', 'x-last', 'proxy-connection', 'close', 'set-cookie', 'a=b', 'content-length', '1'],
    ...['access-control-allow-origin', '*', 'x-forwarded-for', '1.1.1.1'],
  ]
  const unary = await ask({ answer: { chunks: [TASK_7], trailers }, body: '{}' })
  assert.deepEqual(unary.headers.slice(0, 4), ['x-last', '2', 'content-type', 'application/json'])
  assert.deepEqual(unary.headers.slice(4), ['content-length', '10'])
  const stream = await ask({ answer: { trailers }, body: '{}', request: { target: '/WatchTasks' } })
  assert.deepEqual(stream.headers, ['content-type', 'application/x-ndjson', 'x-last', '2'])
  const failed = ['grpc-status', '5', ...trailers.slice(2)]
  const { headers, status, text } = await ask({ answer: { trailers: failed }, body: '{}' })
  assert.equal(status, 404)
  assert.deepEqual(headers.slice(0, 4), ['x-last', '2', 'content-type', 'application/problem+json'])
  assert.deepEqual(headers.slice(4), ['content-length', String(text.length)])
})

test('a body that is compressed, and a message that is too large, are refused', async () => {
  for (const target of ['/GetTask', '/task.v1.Tasks/ImportTasks', '/task.v1.Tasks/WatchTasks']) {
    const headers = ['content-type', 'application/json', 'content-encoding', 'gzip']
    const refused = await ask({ answer: {}, body: '\x1f\x8b', request: { target, headers } }).catch(e => e)
    assert.equal((refused as GatewayError).code, 'WG_UNSUPPORTED_MEDIA')
    assert.equal(
      (refused as GatewayError).message,
      'The content-encoding of the body must be identity, not gzip.',
    )
    assert.deepEqual((refused as GatewayError).headers, { 'accept-encoding': 'identity' })
  }
  const headers = ['content-type', 'application/json', 'content-encoding', 'Identity']
  const read = await ask({ answer: { chunks: [TASK_7] }, body: '{}', request: { headers } })
  assert.equal(read.status, 200)
  // The type of the body is in the message as well.
  const large = { answer: {}, schema: FILES, body: Buffer.alloc(MAX_BYTES), request: { target: '/Put' } }
  assert.equal(((await ask(large).catch(e => e)) as GatewayError).code, 'WG_BODY_TOO_LARGE')
})

test('a body that a page can send to any site, as a form or without a type, is refused from browsers', async () => {
  const form = ['content-type', 'application/x-www-form-urlencoded']
  for (const type of [form, []]) {
    const own = await ask({ answer: { chunks: [TASK_7] }, body: '{}', request: { headers: type } })
    assert.equal(own.status, 200)
    for (const page of [
      ['origin', 'https://elsewhere.example'],
      ['sec-fetch-site', 'cross-site'],
    ]) {
      const headers = [...type, ...page]
      const refused = await ask({ answer: { chunks: [TASK_7] }, body: '{}', request: { headers } }).catch(
        e => e,
      )
      assert.equal((refused as GatewayError).code, 'WG_UNSUPPORTED_MEDIA')
    }
  }
  // A page must ask first whether it may send this type.
  const headers = ['content-type', 'application/json', 'origin', 'https://elsewhere.example']
  const asked = await ask({ answer: { chunks: [TASK_7] }, body: '{}', request: { headers } })
  assert.equal(asked.status, 200)
})

test('a stream is server-sent events for those who accept them with a weight above zero', async () => {
  const cases: readonly (readonly [string, string])[] = [
    ['text/event-stream', 'text/event-stream'],
    ['application/json, Text/Event-Stream;q=0.001', 'text/event-stream'],
    ['text/event-stream;charset=utf-8 ; q=1', 'text/event-stream'],
    ['text/event-stream;q=0', 'application/x-ndjson'],
    ['text/event-stream; Q=0.000, */*', 'application/x-ndjson'],
    ['text/event-streams, */*', 'application/x-ndjson'],
  ]
  for (const [accept, type] of cases) {
    const request = { target: '/WatchTasks', headers: ['accept', accept] }
    const { headers } = await ask({ answer: { chunks: [TASK_7] }, request })
    assert.equal(headers[headers.indexOf('content-type') + 1], type, accept)
  }
})

test('details of a status are decoded, and tell when to try again', async () => {
  // A RetryInfo of 1.5 s.
  const details =
    'CAgSBmVub3VnaBo4Cih0eXBlLmdvb2dsZWFwaXMuY29tL2dvb2dsZS5ycGMuUmV0cnlJbmZvEgwKCggBEIDKte4BGAA='
  const { status, text, headers } = await ask({
    answer: {
      headers: [...GRPC_HEAD, 'x-more', '1'],
      trailers: ['grpc-status', '8', 'grpc-status-details-bin', details, 'x-last', '2'],
    },
    body: '{}',
  })
  assert.equal(status, 429)
  const problem = JSON.parse(text)
  assert.equal(problem.details[0]['@type'], 'type.googleapis.com/google.rpc.RetryInfo')
  assert.equal(problem.details[0].retryDelay, '1.500s')
  assert.equal(headers[headers.indexOf('retry-after') + 1], '2')
  assert.ok(headers.includes('x-last'))
  const garbled = await ask({
    answer: { trailers: ['grpc-status', '8', 'grpc-status-details-bin', '!!!'] },
    body: '{}',
  })
  assert.equal(garbled.status, 429)
})

test('a node that breaks off, and a call that is ended, are the errors that they are elsewhere', async () => {
  const broken = { chunks: [TASK_7], trailers: [] }
  const code = (error: unknown) =>
    error instanceof GatewayError ? error.code : (error as UpstreamFailure).kind
  const fails = async (call?: Call) => ask({ answer: broken, body: '{}' }, call).then(() => 'answered', code)
  assert.equal(await fails(), 'WG_UPSTREAM_UNREACHABLE')
  const late = new Call('id', 'POST', '/', 0)
  late.end(new UpstreamFailure('timeout'))
  assert.equal(await fails(late), 'WG_UPSTREAM_TIMEOUT')
  const gone = new Call('id', 'POST', '/', 0)
  gone.end(new UpstreamFailure('aborted'))
  assert.equal(await fails(gone), 'aborted')
})

test('a body ends with its client, its deadline and its limit', async () => {
  const never: RequestBody = {
    begun: false,
    length: undefined,
    open: () => ({ isPaused: false, resume() {}, pause() {}, stop() {} }),
  }
  const call = new Call('id', 'POST', '/', 0)
  const waiting = ask({ answer: {}, request: { body: never } }, call).catch(error => error)
  await new Promise(resolve => setImmediate(resolve))
  call.end(new UpstreamFailure('timeout'))
  assert.equal(((await waiting) as GatewayError).code, 'WG_REQUEST_TIMEOUT')
  for (const length of [undefined, 3_000]) {
    const large: RequestBody = {
      begun: false,
      length,
      open: sink => ({
        isPaused: true,
        resume: () => sink.onData(Buffer.alloc(3_000)),
        pause() {},
        stop() {},
      }),
    }
    const error = await ask({ answer: {}, request: { body: large } }).catch(each => each)
    assert.equal((error as GatewayError).code, 'WG_BODY_TOO_LARGE')
  }
})

test('bodies of any type pass as they are, both ways', async () => {
  const headers = ['content-type', 'image/png']
  // content_type = 1, data = 2
  const body = Buffer.from([0x0a, 4, 0x61, 0x2f, 0x62, 0x63, 0x12, 2, 0x68, 0x69])
  const { sent, ...unary } = await ask({
    schema: FILES,
    answer: { chunks: [writeMessage(body)] },
    body: Buffer.from([0, 255]),
    request: { target: '/Put', headers },
  })
  const chunks: Buffer[] = []
  sent!.body!.open({ onData: chunk => chunks.push(chunk), onEnd() {}, onError() {} }).resume()
  assert.deepEqual(
    Buffer.concat(chunks).subarray(5),
    Buffer.concat([Buffer.from([0x0a, 9]), Buffer.from('image/png'), Buffer.from([0x12, 2, 0, 255])]),
  )
  assert.equal(unary.text, 'hi')
  assert.equal(unary.headers[unary.headers.indexOf('content-type') + 1], 'a/bc')
  const stream = await ask({
    schema: FILES,
    answer: { chunks: [writeMessage(body), message(0x12, 1, 0x21)] },
    request: { target: '/Get' },
  })
  assert.equal(stream.text, 'hi!')
  assert.equal(stream.headers[stream.headers.indexOf('content-type') + 1], 'a/bc')
})

test('requests that are calls already, or of other routes, pass as they are', async () => {
  const seen: UpstreamRequest[] = []
  const upstream = createTranscode({
    isTranscoded: (_, service) => service === 'task',
    planOf: () => undefined,
    maxMessageBytes: MAX_BYTES,
    counter: { message() {}, error() {} },
    streams: new Set(),
  })(async request => {
    seen.push(request)
    return { status: 200, headers: [], sendBody() {}, discard() {} }
  })
  const rpc = { method: 'a.B/C', isIdempotent: false, isStreaming: false }
  const requests = [testRequest({ service: 'user' }), testRequest({ service: 'task', rpc })]
  for (const request of requests) await upstream(request, new Call('id', 'GET', '/', 0))
  assert.ok(seen[0] === requests[0] && seen[1] === requests[1])
  await assert.rejects(upstream(testRequest({ service: 'task' }), new Call('id', 'GET', '/', 0)), {
    code: 'WG_NO_SCHEMA',
  })
})

test('a call with one answer has the deadline of its route, and a stream has none', async () => {
  const unary = new Call('id', 'POST', '/', 10)
  await ask({ answer: { chunks: [TASK_7] } }, unary)
  assert.equal(unary.deadlineAt, 10 + testRoute().timeoutMs)
  const sent = new Call('id', 'POST', '/', 10)
  const earliest = performance.now() + testRoute().timeoutMs
  await ask({ answer: { chunks: [TASK_7] }, body: '{}' }, sent)
  assert.ok(sent.deadlineAt! >= earliest)
  const stream = new Call('id', 'POST', '/', 10)
  await ask({ answer: { chunks: [TASK_7] }, request: { target: '/WatchTasks' } }, stream)
  assert.equal(stream.deadlineAt, undefined)
})

test('a plan tells of as many problems as people read, however many bindings have no effect', () => {
  const problemsOf = (rule: object) => {
    const rules = [{ selector: 'task.v1.Tasks/GetTask', get: '/first', ...rule }]
    return new TranscodePlan(TASKS, { choice: 'annotated', rules, json: JSON_OPTIONS, maxMessageBytes: 1 })
      .problems
  }
  const [one, ...others] = problemsOf({ additionalBindings: [{ get: '/first' }] })
  assert.equal(one, 'GET /first of task.v1.Tasks/GetTask has no effect, because another method has it')
  assert.deepEqual(others, [])
  const many = problemsOf({ additionalBindings: Array(5_000).fill({ get: '/first' }) })
  assert.equal(many.length, 101)
  assert.equal(many.at(-1), 'further problems: 4900')
  const [long] = problemsOf({ responseBody: 'a'.repeat(100_000) })
  assert.match(long!, /^GET \/first of task\.v1\.Tasks\/GetTask: the body of the answer, a{900,1000}…$/)
})
