import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Tunnel } from '../../routes/public/http1/tunnel.ts'
import { startTestGateway } from '../support/gateway.ts'
import { accepted, clientFrame, frameHead, handshake, OPCODE } from '../support/websocket.ts'
import { Choice } from './choice.ts'
import { Findings, runCases } from './scene.ts'

export interface WebSocketFuzzResult {
  /** WebSockets opened. */
  readonly count: number
  /** Bytes that arrived at one end or the other. */
  readonly bytes: number
  readonly findings: ReadonlyMap<string, string>
}

/** The two ends of an open WebSocket, with the gateway or one of its tunnels between them. */
interface Link {
  readonly client: Socket
  readonly node: Socket
  /** Begins the shutdown of what is between. */
  leave(): void
}

/** The longest that a WebSocket may take. */
const HANG_MS = 60_000

/**
 * Sends bytes both ways through WebSockets, cut and paced at random, and compares what arrives with what was sent. Half
 * of them pass a gateway, with bytes of any kind: all of them must arrive. The other half pass a tunnel that is told to
 * leave at some moment, with frames: what arrives must be whole frames from the beginning, and then a close frame.
 *
 * @param isOver is called before each WebSocket with the number of WebSockets so far
 */
export async function fuzzWebSockets(
  t: Pick<TestContext, 'after'>,
  seed: number,
  isOver: (count: number) => boolean,
): Promise<WebSocketFuzzResult> {
  const choice = new Choice(seed)
  const findings = new Findings()
  const openThroughGateway = await startGatewayLinks(t)
  let bytes = 0
  const count = await runCases(isOver, async () => {
    const leaves = choice.chance(0.5)
    const toNode = leaves ? framesOf(choice, clientFrame) : bytesOf(choice)
    const toClient = leaves ? framesOf(choice, nodeFrame) : bytesOf(choice)
    // Half of the clients do not wait for the answer to their handshake.
    const early = !leaves && choice.chance(0.5) ? toNode[0] : undefined
    const link = await (leaves ? openThroughTunnel() : openThroughGateway(early))
    const leaveAt = leaves ? choice.below(toNode.length + 1) : undefined
    const arriving = Promise.all([arrived(link.client), arrived(link.node)])
    await Promise.all([
      play(link.client, early ? toNode.slice(1) : toNode, choice, index => index === leaveAt && link.leave()),
      play(link.node, toClient, choice, () => {}),
    ])
    link.client.end()
    link.node.end()
    const [atClient, atNode] = await arriving
    for (const [end, got, sent] of [
      ['the client', atClient, toClient],
      ['the node', atNode, toNode],
    ] as const) {
      bytes += got.length
      const problem = problemOf(got, Buffer.concat(sent), leaves)
      if (problem !== undefined) findings.add(`${end} received ${problem}`, got.toString('latin1', 0, 300))
    }
  })
  return { count, bytes, findings: findings.all }
}

/** Resolves with everything that arrives until the connection is closed. */
async function arrived(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = []
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  const timer = setTimeout(() => socket.destroy(), HANG_MS)
  await once(socket, 'close')
  clearTimeout(timer)
  return Buffer.concat(pieces)
}

/** Writes pieces, at once or in turns of the event loop, and perhaps reads nothing meanwhile. */
async function play(
  socket: Socket,
  pieces: readonly Buffer[],
  choice: Choice,
  onTurn: (index: number) => void,
): Promise<void> {
  const isPaced = choice.chance(0.5)
  if (choice.chance(0.3)) socket.pause()
  for (const [index, piece] of pieces.entries()) {
    onTurn(index)
    socket.write(piece)
    if (isPaced) await nextTurn()
  }
  onTurn(pieces.length)
  socket.resume()
}

function bytesOf(choice: Choice): Buffer[] {
  return choice.some(0, 12, () => pieceOf(choice))
}

const OPCODES = [0, OPCODE.text, OPCODE.binary, OPCODE.ping, OPCODE.pong]

/** Makes frames, and cuts them at random. */
function framesOf(choice: Choice, make: (opcode: number, payload: Buffer) => Buffer): Buffer[] {
  const all = Buffer.concat(choice.some(0, 12, () => make(choice.of(OPCODES), pieceOf(choice))))
  const cuts = choice.some(0, 12, () => choice.below(all.length + 1)).sort((a, b) => a - b)
  return [...cuts, all.length].map((end, i) => all.subarray(cuts[i - 1] ?? 0, end))
}

function nodeFrame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([frameHead(opcode, payload.length), payload])
}

const SIZES = [0, 1, 10, 125, 126, 127, 1_000, 20_000, 65_535, 65_536, 65_537, 300_000]

/** Longer than any piece. No two places in it look alike. */
const TEXT = Buffer.from(Uint16Array.from({ length: 400_000 }, (_, i) => (i * 40_503) & 0xffff).buffer)

function pieceOf(choice: Choice): Buffer {
  const size = choice.chance(0.5) ? choice.of(SIZES) : choice.below(choice.of(SIZES) + 1)
  const start = choice.below(TEXT.length - size)
  return TEXT.subarray(start, start + size)
}

function problemOf(got: Buffer, sent: Buffer, leaves: boolean): string | undefined {
  if (!leaves) return got.equals(sent) ? undefined : `${got.length} bytes other than the ${sent.length} sent`
  for (let at = 0; ; at = endOfFrame(sent, at)) {
    if (!got.subarray(0, at).equals(sent.subarray(0, at))) return 'other bytes than those sent'
    if (isGoingAway(got.subarray(at))) return undefined
    if (at >= sent.length) return 'no close frame between two frames'
  }
}

function endOfFrame(bytes: Buffer, from: number): number {
  const second = bytes[from + 1]!
  const short = second & 0x7f
  const start = from + (second & 0x80 ? 6 : 2)
  if (short < 126) return start + short
  if (short === 126) return start + 2 + bytes.readUInt16BE(from + 2)
  return start + 8 + bytes.readUInt32BE(from + 6)
}

const GOING_AWAY = '\x03\xe9going away'

function isGoingAway(bytes: Buffer): boolean {
  const isMasked = bytes.length === 6 + GOING_AWAY.length
  if (bytes[0] !== 0x88 || bytes[1] !== (isMasked ? 0x80 : 0) + GOING_AWAY.length) return false
  if (!isMasked) return bytes.toString('latin1', 2) === GOING_AWAY
  return (
    Buffer.from(bytes.subarray(6).map((byte, i) => byte ^ bytes[2 + (i % 4)]!)).toString('latin1') ===
    GOING_AWAY
  )
}

const PATIENT = { allowHalfOpen: true, noDelay: true }

/** Opens a TCP connection, and returns both ends of it. */
async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer(PATIENT)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepting = once(server, 'connection')
  const near = connect({ ...PATIENT, host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  const [far] = (await accepting) as [Socket]
  server.close()
  return [near.on('error', () => {}), far.on('error', () => {})]
}

async function openThroughTunnel(): Promise<Link> {
  const [client, accepted] = await socketPair()
  const [forwarded, node] = await socketPair()
  const tunnel = new Tunnel({
    client: accepted,
    node: { socket: forwarded, read: onBytes => void forwarded.on('data', onBytes) },
    early: [],
    onPiece: () => {},
    onClosed: () => {},
  })
  return { client, node, leave: () => tunnel.leave() }
}

/**
 * Starts a gateway with a node behind it, and returns the function that opens a WebSocket through both. It takes what the
 * client sends together with its handshake.
 */
async function startGatewayLinks(
  t: Pick<TestContext, 'after'>,
): Promise<(early: Buffer | undefined) => Promise<Link>> {
  const waiting = new Map<string, (socket: Socket) => void>()
  const server = createServer(PATIENT, socket => {
    let text = ''
    const onData = (piece: Buffer) => {
      text += piece.toString('latin1')
      if (!text.includes('\r\n\r\n')) return
      socket.off('data', onData).pause()
      const key = /sec-websocket-key: (.*)\r\n/i.exec(text)![1]!
      socket.write(accepted(key))
      waiting.get(/^GET (\S+) /.exec(text)![1]!)!(socket)
    }
    socket.on('error', () => {}).on('data', onData)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.close())
  const { port } = await startTestGateway(t, {
    nodes: { 'chat/c1': (server.address() as AddressInfo).port },
    config: { accessLog: false },
  })
  let count = 0
  return async early => {
    const target = `/${count++}`
    const reached = new Promise<Socket>(resolve => waiting.set(target, resolve))
    const client = connect({ ...PATIENT, host: '127.0.0.1', port }).on('error', () => {})
    client.write(Buffer.concat([Buffer.from(handshake(`/chat${target}`)), early ?? Buffer.alloc(0)]))
    const node = await reached
    waiting.delete(target)
    await untilHead(client)
    return { client, node, leave: () => {} }
  }
}

/** Reads up to the end of a head, and leaves what follows in the socket. */
async function untilHead(socket: Socket): Promise<void> {
  let text = ''
  while (!text.endsWith('\r\n\r\n')) {
    const byte: Buffer | null = socket.read(1)
    if (byte === null) await once(socket, 'readable')
    else text += byte.toString('latin1')
  }
}
