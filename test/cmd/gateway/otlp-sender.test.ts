import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { OtlpSender, type SenderTimes } from '../../../cmd/gateway/otlp-sender.ts'
import type { WrittenSpan } from '../../../cmd/gateway/span-batch.ts'
import { SpanCounts } from '../../../routes/admin/metrics/span-metrics.ts'
import { partialSuccess, startCollector } from '../../support/collector.ts'
import { deadPort } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'

const SPAN: WrittenSpan = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentId: undefined,
  startedAt: 1_796_003_495_684,
  endedAt: 1_796_003_495_685,
  fields: '',
}
const QUICK: SenderTimes = { batchMs: 20, timeoutMs: 10_000, backoffMs: 10, maxPauseMs: 2_000, closeMs: 300 }

function open(t: TestContext, endpoint: string, times: Partial<SenderTimes> = {}) {
  const log: Record<string, unknown>[] = []
  const counts = new SpanCounts()
  const sender = new OtlpSender({
    counts,
    url: `${endpoint}/v1/traces`,
    headers: { authorization: 'Bearer x' },
    resource: { 'service.name': 'test' },
    logger: pino({}, { write: line => void log.push(JSON.parse(line)) }),
    times: { ...QUICK, ...times },
  })
  t.after(() => sender.close())
  const add = (count: number) => {
    for (let i = 0; i < count; i++) if (sender.hasRoom) sender.add(SPAN)
  }
  const dropped = () => Object.fromEntries([...counts.dropped].filter(([, count]) => count > 0))
  return { sender, counts, log, add, dropped }
}

test('a sender that is closed leaves no connection to the collector', async t => {
  const sockets = new Set<Socket>()
  const server = createHttpServer((request, response) => request.resume().on('end', () => response.end()))
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { sender, counts, add } = open(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  add(1)
  await until('it is sent', () => counts.sent === 1)
  assert.equal(sockets.size, 1, 'the connection is kept')
  await sender.close()
  await until('the connection is closed', () => sockets.size === 0)
})

test('spans leave in batches, of 512 or after a while, with the headers that are configured', async t => {
  const collector = await startCollector(t)
  const { counts, add } = open(t, collector.endpoint, { batchMs: 100 })
  add(513)
  await until('all are sent', () => counts.sent === 513)
  assert.deepEqual(
    collector.batches.map(({ spans, headers }) => [spans.length, headers.authorization]),
    [
      [512, 'Bearer x'],
      [1, 'Bearer x'],
    ],
  )
  assert.deepEqual(collector.batches[0]?.resource, { 'service.name': 'test' })
})

test('429, 502, 503 and 504 are tried three times in all, after a pause or when Retry-After says', async t => {
  const send = async (status: number) => {
    const at: number[] = []
    const collector = await startCollector(t, (response, batch) => {
      at.push(performance.now())
      if (batch < 3) response.writeHead(status, batch === 1 ? { 'retry-after': '1' } : {})
      response.end()
    })
    const { counts, add, dropped } = open(t, collector.endpoint)
    add(3)
    await until('they are sent', () => counts.sent === 3)
    assert.deepEqual([collector.batches.length, dropped()], [3, {}])
    assert.ok(at[1]! - at[0]! >= 990, `Retry-After counts: ${at[1]! - at[0]!} ms`)
  }
  await Promise.all([429, 502, 503, 504].map(send))
})

test('a collector that stays away costs its spans, which are counted by reason, with one line in the log', async t => {
  const busy = await startCollector(t, response => response.writeHead(503).end())
  const far = await startCollector(t, response => response.writeHead(429, { 'retry-after': '3600' }).end())
  for (const [endpoint, requests, reason] of [
    [busy.endpoint, () => busy.batches.length, 'status 503'],
    [far.endpoint, () => far.batches.length, 'status 429'],
    [`http://127.0.0.1:${await deadPort()}`, () => 0, 'ECONNREFUSED'],
  ] as const) {
    const { add, dropped, log } = open(t, endpoint)
    for (const round of [1, 2]) {
      add(5)
      await until('they are dropped', () => dropped().unreachable === 5 * round)
    }
    assert.equal(requests(), endpoint === busy.endpoint ? 6 : endpoint === far.endpoint ? 2 : 0)
    assert.equal(log.length, 1)
    assert.equal(log[0]?.msg, 'the collector of traces cannot be reached')
    assert.ok(String(log[0]?.reason).includes(reason), String(log[0]?.reason))
  }
})

test('a collector that asks for another protocol costs its spans, and keeps nothing from closing', async t => {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    )
  })
  server.listen(0, '127.0.0.1')
  await until('it listens', () => server.listening)
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const { sender, add, dropped } = open(t, `http://127.0.0.1:${port}`)
  add(5)
  await until('they are dropped', () => dropped().unreachable === 5)
  await sender.close()
})

test('what a collector refuses otherwise is not sent again', async t => {
  for (const status of [400, 401, 413, 302]) {
    const collector = await startCollector(t, response =>
      response.writeHead(status, { location: '/' }).end('no'),
    )
    const { add, dropped, log } = open(t, collector.endpoint)
    add(4)
    await until('they are dropped', () => dropped().refused === 4)
    assert.equal(collector.batches.length, 1)
    assert.deepEqual(
      log.map(({ msg, reason, spans }) => [msg, reason, spans]),
      [['the collector of traces refuses spans', `status ${status}`, 4]],
    )
  }
})

test('a partial success counts what was taken and what was not', async t => {
  const answers = [
    partialSuccess(3n, 'too old'),
    partialSuccess(0n, 'be careful'),
    partialSuccess(0n, ''),
    '',
    '{"partialSuccess":{"rejectedSpans":"3"}}',
    partialSuccess(-1n, ''),
    partialSuccess(99n, ''),
    // What is not known is passed over; what is cut off says nothing.
    Buffer.concat([Buffer.from([0x12, 1, 7]), partialSuccess(2n, '')]),
    partialSuccess(3n, 'too old').subarray(0, -1),
  ]
  const collector = await startCollector(t, (response, batch) => response.end(answers[batch - 1]))
  const { counts, add, dropped, log } = open(t, collector.endpoint)
  for (const [index, [sent, rejected]] of [
    [7, 3],
    [17, 3],
    [27, 3],
    [37, 3],
    [47, 3],
    [57, 3],
    [57, 13],
    [65, 15],
    [75, 15],
  ].entries()) {
    add(10)
    await until(`answer ${index}`, () => counts.sent === sent && dropped().rejected === rejected)
  }
  assert.deepEqual(
    log.map(({ msg, reason, spans }) => [msg, reason, spans]),
    [['the collector of traces took only a part', 'too old', 3]],
  )
})

test('behind a collector that hangs, 4,096 spans wait and two batches are under way; the rest is dropped', async t => {
  let connections = 0
  const server = createServer(socket => {
    connections++
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await until('it listens', () => server.listening)
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const { sender, add, dropped } = open(t, `http://127.0.0.1:${port}`, { timeoutMs: 60_000 })
  const begunAt = performance.now()
  add(10_000)
  assert.ok(performance.now() - begunAt < 1_000)
  assert.deepEqual(dropped(), { queue_full: 10_000 - 4_096 - 1_024 })
  await until('both are under way', () => connections === 2)
  const closingAt = performance.now()
  await sender.close()
  const took = performance.now() - closingAt
  assert.ok(took >= 290 && took < 2_000, `closed after ${took} ms`)
  assert.deepEqual(dropped(), { queue_full: 10_000 - 4_096 - 1_024, unreachable: 4_096 + 1_024 })
})

test('what waits is sent at the close', async t => {
  const collector = await startCollector(t)
  const { sender, counts, add } = open(t, collector.endpoint, { batchMs: 60_000, closeMs: 10_000 })
  add(1_100)
  await sender.close()
  assert.deepEqual([counts.sent, collector.spans.length], [1_100, 1_100])
  assert.equal(sender.hasRoom, false)
})

test('an answer without an end is given up', async t => {
  const collector = await startCollector(t, response => {
    response.writeHead(200)
    response.write('{')
  })
  const { add, dropped } = open(t, collector.endpoint, { timeoutMs: 150 })
  add(1)
  await until('it is dropped', () => dropped().unreachable === 1)
  assert.equal(collector.batches.length, 3)
})
