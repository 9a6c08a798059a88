import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { describeEntry } from '../../../cmd/commands/tail.ts'
import type { RequestEntry } from '../../../routes/admin/api-types.ts'
import { type FakeAnswer, startFakeAdmin } from '../../support/fake-admin.ts'
import { until } from '../../support/until.ts'
import { runProgram, startProgram } from '../../support/waygate.ts'

/** Returns a request that went well, but for `more`. A field that is undefined is left out. */
function entry(
  requestId: string,
  more: { readonly [Name in keyof RequestEntry]?: RequestEntry[Name] | undefined } = {},
): RequestEntry {
  const whole = {
    ...{ requestId, at: 0, method: 'GET', host: 'a.example', path: '/user/me', http: '1.1' },
    ...{ status: 200, totalMs: 12.4, attempts: 1, service: 'user', node: 'u1' },
    ...more,
  }
  return JSON.parse(JSON.stringify(whole)) as RequestEntry
}

/** A stream that a test writes. */
function fakeStream(): {
  readonly answer: FakeAnswer
  readonly streams: ServerResponse[]
  send(event: string, data: object): void
} {
  const streams: ServerResponse[] = []
  return {
    streams,
    answer(_request, response) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': hello\n\nevent: table\ndata: {}\n\n')
      streams.push(response)
    },
    send: (event, data) => void streams.at(-1)!.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
  }
}

test('a line says when, what, who answered and what went wrong', () => {
  const time = /^\d\d:\d\d:\d\d\.000 {2}/
  const line = (more: Parameters<typeof entry>[1]) => describeEntry(entry('r1', more)).replace(time, '')
  assert.match(describeEntry(entry('r1')), time)
  assert.equal(line({}), '200     12 ms  r1  GET a.example/user/me -> user/u1')
  assert.equal(
    line({
      status: 503,
      node: undefined,
      code: 'WG_NO_NODE',
      reason: 'no node is up',
      attempts: 0,
      route: 'r',
    }),
    '503     12 ms  r1  GET a.example/user/me (route r) WG_NO_NODE (no node is up)',
  )
  assert.equal(line({ grpcStatus: 5 }), '200     12 ms  r1  GET a.example/user/me -> user/u1 (gRPC status 5)')
  assert.equal(line({ attempts: 2 }), '200     12 ms  r1  GET a.example/user/me -> user/u1 (2 tries)')
  assert.equal(
    line({ service: undefined, node: undefined, path: '/\u001b[2J', fallback: true }),
    '200     12 ms  r1  GET a.example/\ufffd[2J (fallback)',
  )
})

test('the last requests come first, the oldest at the top, and those of the stream follow, each once', async t => {
  const stream = fakeStream()
  const { url, asked } = await startFakeAdmin(t, {
    '/api/v1/live': stream.answer,
    '/api/v1/requests': { items: [entry('b'), entry('a')] },
  })
  const args = ['tail', 'service:user', 'status:200', '-n', '2', '-o', 'json', '--admin', url]
  await using program = await startProgram({ args })
  const ids = () =>
    program
      .stdout()
      .trim()
      .split('\n')
      .map(line => (JSON.parse(line) as RequestEntry).requestId)
  await until('the last ones are there', () => program.stdout().split('\n').length > 2)
  stream.send('requests', { items: [entry('b'), entry('c')], lost: 0 })
  stream.send('requests', { items: [entry('d', { path: '/größe' })], lost: 7 })
  await until('all are there', () => ids().includes('d'))
  assert.deepEqual(ids(), ['a', 'b', 'c', 'd'])
  assert.ok(program.stdout().includes('/größe'))
  await until('what is lost is said', () => program.stderr() === 'waygate: 7 more requests are not shown\n')
  const filter = 'service%3Auser+status%3A200'
  assert.deepEqual(asked, [`/api/v1/live?tail=${filter}`, `/api/v1/requests?filter=${filter}&limit=2`])
})

test('--problems leaves out of the stream what went well', async t => {
  const stream = fakeStream()
  const { url, asked } = await startFakeAdmin(t, {
    '/api/v1/live': stream.answer,
    '/api/v1/requests': { items: [] },
  })
  await using program = await startProgram({ args: ['tail', '--problems', '-o', 'name', '--admin', url] })
  await until('it asks for the last ones', () => asked.length === 2)
  assert.match(asked[1]!, /[?&]problems=1(?:&|$)/)
  const items = [
    entry('well'),
    entry('refused', { status: 404 }),
    entry('retried', { attempts: 2 }),
    entry('fallback', { fallback: true }),
    entry('code', { code: 'WG_CLIENT_GONE' }),
    entry('call', { rpc: 'a.B/C', grpcStatus: 5 }),
    entry('good-call', { rpc: 'a.B/C', grpcStatus: 0 }),
  ]
  stream.send('requests', { items, lost: 0 })
  await until('they are there', () => program.stdout() === 'refused\nretried\nfallback\ncode\ncall\n')
})

test('a stream that ends is opened again, and a gateway that says why is quoted', async t => {
  const stream = fakeStream()
  const { url } = await startFakeAdmin(t, {
    '/api/v1/live': stream.answer,
    '/api/v1/requests': { items: [] },
  })
  await using program = await startProgram({ args: ['tail', '-n', '0', '-o', 'name', '--admin', url] })
  await until('it is open', () => stream.streams.length === 1)
  stream.send('requests', { items: [entry('one')], lost: 0 })
  stream.send('bye', { reason: 'shutdown' })
  stream.streams[0]!.end()
  await until('it is opened again', () => stream.streams.length === 2)
  assert.equal(program.stderr(), `waygate: ${url} has ended the stream: shutdown; connecting again\n`)
  stream.send('requests', { items: [entry('two')], lost: 0 })
  await until('both are there', () => program.stdout() === 'one\ntwo\n')
  stream.streams[1]!.destroy()
  await until('it is opened a third time', () => stream.streams.length === 3)
  assert.match(program.stderr(), /has ended the stream: the stream broke; connecting again\n$/)
})

test('--once ends after the last requests, and opens no stream', async t => {
  const { url, asked } = await startFakeAdmin(t, { '/api/v1/requests': { items: [entry('b'), entry('a')] } })
  const { code, stdout } = await runProgram({ args: ['tail', '--once', '-o', 'name', '--admin', url] })
  assert.deepEqual([code, stdout, asked], [0, 'a\nb\n', ['/api/v1/requests?filter=&limit=50']])
})
