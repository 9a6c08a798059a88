import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { startTestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { askHttp2, openHttp2 } from '../../support/http2-client.ts'
import { startNode } from '../../support/node-server.ts'
import { seededRandom } from '../../support/random.ts'

/** One answer of a node, as the seed has it. */
interface Plan {
  readonly body: Buffer
  readonly isChunked: boolean
  readonly pieces: readonly Buffer[]
  /** Whether the node waits for so long before each piece; -1: not at all. */
  readonly pausesMs: number
  /** The number of pieces after which the node breaks off; Infinity = it does not. */
  readonly breaksAfter: number
  readonly encoding: string
}

const ROUNDS = 80
const DECODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
}

function createPlan(random: () => number): Plan {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  const length = Math.floor(pick([3, 1_100, 17_000, 70_000, 250_000]) * random())
  const variety = pick([2, 30, 256])
  const body = Buffer.from(Array.from({ length }, () => Math.floor(random() * variety)))
  const pieces: Buffer[] = []
  for (let at = 0; at < length; ) {
    const size = 1 + Math.floor(random() * pick([100, 5_000, 100_000]))
    // Small pieces of a long body would take long, and show nothing more.
    const end = pieces.length > 40 ? length : at + size
    pieces.push(body.subarray(at, end))
    at = end
  }
  return {
    ...{ body, pieces, isChunked: random() < 0.5, pausesMs: pick([-1, -1, 0, 25]) },
    breaksAfter: random() < 0.3 ? Math.floor(random() * pieces.length) : Infinity,
    encoding: pick(['gzip', 'br', 'zstd']),
  }
}

async function serve(
  socket: Socket,
  { body, isChunked, pieces, pausesMs, breaksAfter }: Plan,
): Promise<void> {
  const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${framing}\r\n\r\n`)
  for (const [i, piece] of pieces.entries()) {
    if (i === breaksAfter) {
      socket.end()
      return
    }
    // Not more than a few pauses, so that the test ends.
    if (pausesMs >= 0 && i < 4) await delay(pausesMs)
    if (isChunked) socket.write(`${piece.length.toString(16)}\r\n`)
    const isTaken = socket.write(piece)
    if (isChunked) socket.write('\r\n')
    if (!isTaken && !socket.destroyed) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
  }
  if (isChunked) socket.write('0\r\n\r\n')
}

test('a compressed answer is the answer of the node, whatever its body and its pieces, or it is seen to be cut', async t => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9)
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  let plan = createPlan(random)
  const node = await startNode(t, socket => serve(socket, plan))
  const { port } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    routes: {
      r: {
        path: '/*',
        service: 'user',
        auth: 'none',
        retries: 0,
        breaker: { minimumRequests: 9_999 },
        compress: true,
      },
    },
  })
  const session = openHttp2(t, port)
  let compressed = 0
  for (let round = 0; round < ROUNDS; round++) {
    plan = createPlan(random)
    const { body, encoding, breaksAfter } = plan
    const what = `seed ${seed}, round ${round}`
    const headers = { 'accept-encoding': encoding }
    const got =
      random() < 0.5
        ? await send(port, { headers }).catch(() => undefined)
        : await askHttp2(session, { ':path': '/', ...headers }).then(each =>
            each.code === 0 ? each : undefined,
          )
    if (breaksAfter < plan.pieces.length) {
      assert.equal(got, undefined, what)
      continue
    }
    assert.ok(got, what)
    assert.equal(got.status, 200, what)
    const coding = got.headers['content-encoding']
    if (coding === undefined) assert.ok(got.body.equals(body), what)
    else {
      compressed++
      assert.equal(coding, encoding, what)
      assert.ok(DECODERS[encoding]!(got.body).equals(body), what)
    }
  }
  assert.ok(compressed > ROUNDS / 8, `${compressed} were compressed; seed ${seed}`)
})
