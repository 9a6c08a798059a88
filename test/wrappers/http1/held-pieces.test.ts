import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { Choice } from '../../fuzz/choice.ts'
import { startNode } from '../../support/node-server.ts'
import { startPool, type TestExchange } from './pool-scene.ts'

/** Sizes around that of the read buffer, and around that up to which pieces are text. */
const SIZES = [1, 100, 16_383, 16_384, 16_385, 30_000, 65_535, 65_536, 65_537, 131_072, 300_000]

/** Makes bytes that are unique everywhere: in groups of four, they count up from a number of the body's own. */
function makeBody(choice: Choice): Buffer {
  const size = choice.of(SIZES) + (choice.chance(0.5) ? choice.below(100_000) : 0)
  const first = choice.below(2 ** 31)
  const body = Buffer.alloc(size + 4)
  for (let at = 0; at < size; at += 4) body.writeUInt32LE(first + at, at)
  return body.subarray(0, size)
}

function frame(choice: Choice, body: Buffer): Buffer {
  if (choice.chance(0.5)) {
    return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`), body])
  }
  const pieces: Buffer[] = [Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')]
  for (let at = 0; at < body.length; ) {
    const chunk = body.subarray(at, at + choice.of(SIZES))
    pieces.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'))
    at += chunk.length
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')])
}

/** Writes bytes in pieces of random sizes, some immediately and some later. */
async function writeInPieces(socket: Socket, choice: Choice, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const to = at + choice.of(SIZES)
    socket.write(bytes.subarray(at, to))
    at = to
    if (choice.chance(0.3)) await new Promise(setImmediate)
  }
}

const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

for (const seed of [1, 2, 3]) {
  test(`pieces that a slow reader holds keep their bytes while the connection reads on, seed ${seed}`, async t => {
    const choice = new Choice(seed)
    const hashes = new Map<string, string>()
    const node = await startNode(t, (socket, request) => {
      const body = makeBody(choice)
      hashes.set(request.target, hashOf(body))
      void writeInPieces(socket, choice, frame(choice, body))
    })
    // Fewer connections than requests, so that each reads further bodies while earlier ones are held.
    const { get } = startPool(t, node.port, { maxConnections: 3 })
    const pauses = new Choice(seed)
    const exchanges: TestExchange[] = Array.from({ length: 40 }, (_, i) => {
      const exchange: TestExchange = get(`/${i}`, name => {
        if (name !== 'chunk' || !pauses.chance(0.3)) return
        const { connection } = exchange
        connection!.pause()
        setTimeout(() => connection!.resume(), pauses.below(3))
      })
      return exchange
    })
    await Promise.all(exchanges.map(each => each.over))
    // The held pieces are compared only now.
    for (const [i, { body, failure }] of exchanges.entries()) {
      assert.equal(failure, undefined)
      assert.equal(hashOf(body), hashes.get(`/${i}`), `${body.length} bytes of answer ${i}`)
    }
    const kinds = new Set(exchanges.flatMap(({ chunks }) => chunks.map(chunk => typeof chunk)))
    assert.deepEqual([...kinds].sort(), ['object', 'string'], 'bodies came as bytes and as text')
    assert.equal(node.connections, 3)
  })
}
