import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { after, type TestContext, test } from 'node:test'
import { exchangeRaw, openRaw } from '../support/raw-http.ts'
import { openRegistry } from '../support/registry.ts'
import { type Handler, startService } from '../support/service.ts'
import { until, untilSteady } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'

const MB = 1_024 * 1_024
const SIZE = 100 * MB
/** An odd length, so that pieces and buffers never line up. */
const PIECE = Buffer.alloc(65_537, 'not all the same: 0123456789 ')

/** Yields the pieces of a body of `size` bytes. */
function* pieces(size: number): Generator<Buffer> {
  for (let left = size; left > 0; left -= PIECE.length) {
    yield left >= PIECE.length ? PIECE : PIECE.subarray(0, left)
  }
}

function checksumOf(size: number): string {
  const hash = createHash('sha256')
  for (const piece of pieces(size)) hash.update(piece)
  return hash.digest('hex')
}

/** Writes a body, no faster than the other side reads. */
async function writeAll(target: NodeJS.WritableStream, size: number): Promise<void> {
  for (const piece of pieces(size)) {
    if (!target.write(piece)) await once(target, 'drain')
  }
  target.end()
}

async function checksum(stream: IncomingMessage): Promise<{ size: number; sum: string }> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    hash.update(chunk)
  }
  return { size, sum: hash.digest('hex') }
}

/** Answers GET /SIZE with that many bytes, and anything else with the checksum of the request body. */
const handler: Handler = async (request, response) => {
  if (request.method === 'GET') {
    const size = Number(request.url!.slice(1))
    if (request.headers['x-framing'] === 'length') response.setHeader('content-length', size)
    await writeAll(response, size)
    return
  }
  response.end(JSON.stringify(await checksum(request)))
}

const gateway = await startGateway()
const node = await startService('node', handler)
{
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('files', 'n1', node)
  await registry.putRoute('files', { path: '/files/*', service: 'files', stripPrefix: '/files' })
  await registry.putRoute('small', { path: '/small', service: 'files', maxBodyBytes: MB })
  await gateway.untilNodes('files', ['n1'])
  await until('the routes are there', async () => (await gateway.routes()).routes.length === 2)
}
after(async () => {
  await gateway.stop()
  await node.close()
})

/** State of the request that the node received last. */
let last: { readonly socket: Socket; readonly writtenBefore: number } | undefined
node.server.on('request', ({ socket }) => {
  last = { socket, writtenBefore: socket.bytesWritten }
})

async function download(size: number, framing: string): Promise<{ size: number; sum: string }> {
  const request = httpRequest(`${gateway.url}/files/${size}`, { headers: { 'x-framing': framing } }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  assert.equal(response.statusCode, 200)
  return await checksum(response)
}

async function upload(size: number, framing: string): Promise<{ size: number; sum: string }> {
  const request = httpRequest(`${gateway.url}/files/`, {
    method: 'PUT',
    headers: framing === 'length' ? { 'content-length': size } : {},
  })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  await writeAll(request, size)
  const [response] = await answered
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return JSON.parse(text)
}

/** Reads the resident memory of the gateway, bytes. */
async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${gateway.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1_024
}

/** Runs something that must not make the gateway's memory grow. */
async function withoutGrowth(t: TestContext, run: () => Promise<void>): Promise<void> {
  // Memory is read from /proc, which other systems do not have.
  const measured = process.platform === 'linux'
  const before = measured ? await residentBytes() : 0
  let most = before
  const watch = setInterval(async () => {
    if (measured) most = Math.max(most, await residentBytes())
  }, 20)
  try {
    await run()
  } finally {
    clearInterval(watch)
  }
  const grown = `grew by ${((most - before) / MB).toFixed(1)} MB`
  t.diagnostic(grown)
  assert.ok(most - before < MOST_GROWN, grown)
}

const TRANSFERS = [
  { name: 'down', transfer: download, framing: 'chunks' },
  { name: 'up', transfer: upload, framing: 'length' },
]
const MOST_GROWN = 30 * MB

for (const { name, transfer, framing } of TRANSFERS) {
  test(`bodies of 0 B, 1 B, 1 KB and 1 MB go ${name} complete, with Content-Length and chunked`, async () => {
    for (const each of ['length', 'chunks']) {
      for (const size of [0, 1, 1_024, MB]) {
        assert.deepEqual(await transfer(size, each), { size, sum: checksumOf(size) })
      }
    }
  })

  test(`100 MB go ${name} complete, and the gateway's memory does not grow`, t =>
    withoutGrowth(t, async () =>
      assert.deepEqual(await transfer(SIZE, framing), { size: SIZE, sum: checksumOf(SIZE) }),
    ))
}

for (const framing of ['length', 'chunks']) {
  test(`100 MB over a limit are refused (${framing}), and the gateway's memory does not grow`, async t => {
    t.after(() => {
      node.handler = handler
    })
    node.handler = (request, response) => void request.resume().once('end', () => response.end())
    await withoutGrowth(t, async () => {
      // A raw connection, because a client of node:http stops sending once it has its answer.
      using connection = await openRaw(gateway.port)
      const framed = framing === 'length' ? `Content-Length: ${SIZE}` : 'Transfer-Encoding: chunked'
      connection.write(`PUT /small HTTP/1.1\r\nHost: h\r\n${framed}\r\n\r\n`)
      for (const piece of pieces(SIZE)) {
        const head = framing === 'length' ? '' : `${piece.length.toString(16)}\r\n`
        const taken = connection.socket.write(
          Buffer.concat([Buffer.from(head), piece, Buffer.from(head && '\r\n')]),
        )
        if (!taken) await once(connection.socket, 'drain')
      }
      if (framing === 'chunks') connection.write('0\r\n\r\n')
      // The connection can carry another request after the whole body.
      connection.write('GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
      const text = await connection.ended
      assert.deepEqual(
        [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
        ['413', '404'],
      )
    })
  })
}

test("hundreds of heads that are far too large are refused, and the gateway's memory does not grow", async t => {
  const heads = [
    [`GET /${'x'.repeat(MB)} HTTP/1.1\r\nHost: h\r\n\r\n`, 414],
    [`GET /files/1 HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`, 431],
    [`GET /files/1 HTTP/1.1\r\nHost: h\r\n${'a:1\r\n'.repeat(10_000)}\r\n`, 431],
  ] as const
  await withoutGrowth(t, async () => {
    for (let i = 0; i < 100; i++) {
      for (const [head, status] of heads) {
        const text = await exchangeRaw(gateway.port, head)
        assert.equal(text.slice(0, 13), `HTTP/1.1 ${status} `)
      }
    }
  })
})

/** More than twice the maximum that Linux buffers for two connections, 36 MB each. */
const HELD_BACK = 192 * MB

test('a slow reader holds the node back instead of filling the gateway', async () => {
  const request = httpRequest(`${gateway.url}/files/${HELD_BACK}`).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.pause()
  // When the node has to wait, all buffers on the way are full.
  const taken = await untilSteady(() => last!.socket.bytesWritten - last!.writtenBefore)
  assert.ok(taken < HELD_BACK / 2, `${(taken / MB).toFixed(1)} MB were taken from the node`)
  response.resume()
  const { size } = await checksum(response)
  assert.equal(size, HELD_BACK)
})

test('a slow node holds the client back instead of filling the gateway', async () => {
  const arrived = Promise.withResolvers<IncomingMessage>()
  node.handler = (request, response) => {
    arrived.resolve(request)
    request.once('end', () => response.end())
  }
  const request = httpRequest(`${gateway.url}/files/`, {
    method: 'PUT',
    headers: { 'content-length': HELD_BACK },
  })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  let sent = 0
  const writing = (async () => {
    for (const piece of pieces(HELD_BACK)) {
      sent += piece.length
      if (!request.write(piece)) await once(request, 'drain')
    }
    request.end()
  })()
  const atNode = await arrived.promise
  const taken = await untilSteady(() => sent)
  assert.ok(taken < HELD_BACK / 2, `${(taken / MB).toFixed(1)} MB were taken from the client`)
  atNode.resume()
  await writing
  const [response] = await answered
  response.resume()
  assert.equal(response.statusCode, 200)
})
