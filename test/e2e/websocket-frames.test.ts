import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { deflateRawSync } from 'node:zlib'
import { WebSocketServer } from 'ws'
import { startTestGateway } from '../support/gateway.ts'
import { openRaw } from '../support/http.ts'
import { frameHead, handshake, OPCODE } from '../support/websocket.ts'

// The cases follow the groups of the Autobahn test suite for WebSockets. Each is sent twice, to a node and to a gateway in
// front of it: what either end sees must be the same, byte for byte, whether the node accepts it or not.

/** What a client writes, one piece in each turn of the event loop. */
type Script = readonly Buffer[]

const CONTINUATION = 0
const MASK = Buffer.from([0x12, 0x34, 0x56, 0x78])

interface FrameOptions {
  readonly isFinal?: boolean
  /** RSV1 to RSV3, as a number from 0 to 7; RSV1 is 4. */
  readonly reserved?: number
  readonly isMasked?: boolean
}

function frame(
  opcode: number,
  payload: Buffer | string = '',
  { isFinal = true, reserved = 0, isMasked = true }: FrameOptions = {},
): Buffer {
  const bytes = Buffer.from(payload)
  const head = frameHead(opcode, bytes.length)
  head[0] = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode
  if (!isMasked) return Buffer.concat([head, bytes])
  head[1]! |= 0x80
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= MASK[i % 4]!
  return Buffer.concat([head, MASK, bytes])
}

function close(code: number, reason: Buffer | string = ''): Buffer {
  return frame(OPCODE.close, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]))
}

/** Cuts a script into pieces of so many bytes. */
function cut(script: Script, size: number): Script {
  const all = Buffer.concat(script)
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
    all.subarray(i * size, (i + 1) * size),
  )
}

function fragments(opcode: number, payload: Buffer, size: number): Buffer[] {
  const count = Math.max(1, Math.ceil(payload.length / size))
  return Array.from({ length: count }, (_, i) =>
    frame(i === 0 ? opcode : CONTINUATION, payload.subarray(i * size, (i + 1) * size), {
      isFinal: i === count - 1,
    }),
  )
}

const part = { isFinal: false }
const end = close(1000)
const cases = new Map<string, Script>()

for (const size of [0, 125, 126, 127, 128, 65_535, 65_536]) {
  cases.set(`a text of ${size} bytes`, [frame(OPCODE.text, '*'.repeat(size)), end])
  cases.set(`a binary message of ${size} bytes`, [frame(OPCODE.binary, Buffer.alloc(size, 0xfe)), end])
}
cases.set('a message in pieces of 997 bytes', cut([frame(OPCODE.text, '*'.repeat(65_536)), end], 997))

cases.set('a ping', [frame(OPCODE.ping), end])
cases.set('a ping with text', [frame(OPCODE.ping, 'hello'), end])
cases.set('a ping with bytes', [frame(OPCODE.ping, Buffer.from([0, 255, 254, 253, 0])), end])
cases.set('a ping with 125 bytes', [frame(OPCODE.ping, Buffer.alloc(125, 0xfe)), end])
cases.set('a ping with 125 bytes, byte by byte', cut([frame(OPCODE.ping, Buffer.alloc(125, 0xfe)), end], 1))
cases.set('a ping with 126 bytes', [frame(OPCODE.ping, Buffer.alloc(126, 0xfe)), end])
cases.set('a pong that nobody asked for', [frame(OPCODE.pong, 'hello'), frame(OPCODE.ping, 'x'), end])
cases.set('ten pings', [...Array(10).keys()].map(i => frame(OPCODE.ping, `ping ${i}`)).concat(end))
cases.set(
  'ten pings, byte by byte',
  cut([...[...Array(10).keys()].map(i => frame(OPCODE.ping, `ping ${i}`)), end], 1),
)

for (let reserved = 1; reserved < 8; reserved++) {
  cases.set(`reserved bits ${reserved} in a text`, [
    frame(OPCODE.text, 'small'),
    frame(OPCODE.text, 'small', { reserved }),
    frame(OPCODE.ping),
    end,
  ])
}
cases.set('reserved bits in a ping', [frame(OPCODE.ping, 'x', { reserved: 5 }), end])
cases.set('reserved bits in a close frame', [frame(OPCODE.close, '', { reserved: 7 })])

for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  cases.set(`reserved opcode ${opcode}`, [
    frame(OPCODE.text, 'x'),
    frame(opcode, 'y'),
    frame(OPCODE.ping),
    end,
  ])
}

cases.set('a fragmented ping', [frame(OPCODE.ping, 'a', part), frame(CONTINUATION, 'b'), end])
cases.set('a fragmented pong', [frame(OPCODE.pong, 'a', part), frame(CONTINUATION, 'b'), end])
cases.set('a text in two fragments', [frame(OPCODE.text, 'a', part), frame(CONTINUATION, 'b'), end])
cases.set('a ping between fragments', [
  frame(OPCODE.text, 'a', part),
  frame(OPCODE.ping, 'now'),
  frame(CONTINUATION, 'b'),
  end,
])
cases.set(
  'a ping between fragments, byte by byte',
  cut([frame(OPCODE.text, 'a', part), frame(OPCODE.ping, 'now'), frame(CONTINUATION, 'b'), end], 1),
)
cases.set('a continuation of nothing', [frame(CONTINUATION, 'a'), frame(OPCODE.text, 'b'), end])
cases.set('an unfinished continuation of nothing', [frame(CONTINUATION, 'a', part), end])
cases.set('a text within a fragmented text', [frame(OPCODE.text, 'a', part), frame(OPCODE.text, 'b'), end])
cases.set('a close frame between fragments', [frame(OPCODE.text, 'a', part), end, frame(CONTINUATION, 'b')])
cases.set('fragments without payload', [
  frame(OPCODE.text, '', part),
  frame(CONTINUATION, '', part),
  frame(CONTINUATION, ''),
  end,
])

const UTF_8 = {
  valid: [
    'κόσμε',
    '𠜎𠜱',
    '\0',
    '\u007f',
    '\u0080',
    '\u07ff',
    '\u0800',
    '\uffff',
    '\u{10000}',
    '\u{10ffff}',
    '\ud7ff',
  ],
  invalid: [
    'cebae1bdb9cf83cebcceb5eda080656469746564',
    'cebae1bdb9cf83cebcceb5f4908080656469746564',
    'f8888080',
    '80',
    'bf',
    'c0af',
    'c1bf',
    'e08080',
    'f0808080',
    'fe',
    'ff',
    'eda080',
    'edbfbf',
    'eda080edb080',
    'f4908080',
    'ce',
    'e1bd',
    'f09f98',
  ],
}
for (const text of UTF_8.valid) {
  const payload = Buffer.from(text)
  cases.set(`valid UTF-8 ${payload.toString('hex')}`, [frame(OPCODE.text, payload), end])
  cases.set(`valid UTF-8 ${payload.toString('hex')}, cut within characters`, [
    ...fragments(OPCODE.text, payload, 1),
    end,
  ])
}
for (const hex of UTF_8.invalid) {
  const payload = Buffer.from(hex, 'hex')
  cases.set(`invalid UTF-8 ${hex}`, [frame(OPCODE.text, payload), end])
  cases.set(`invalid UTF-8 ${hex}, in fragments`, [...fragments(OPCODE.text, payload, 1), end])
}

cases.set('two messages and a close frame', [frame(OPCODE.text, 'a'), frame(OPCODE.text, 'b'), end])
cases.set('two close frames', [end, end])
cases.set('a ping behind a close frame', [end, frame(OPCODE.ping, 'late')])
cases.set('a text behind a close frame', [end, frame(OPCODE.text, 'late')])
cases.set('a close frame without payload', [frame(OPCODE.close)])
cases.set('a close frame with one byte', [frame(OPCODE.close, 'a')])
cases.set('a close frame with a long reason', [close(1000, '*'.repeat(123))])
cases.set('a close frame that is too long', [close(1000, '*'.repeat(124))])
cases.set('a close frame whose reason is invalid UTF-8', [
  close(1000, Buffer.from('cebae1bdb9eda080', 'hex')),
])
cases.set('a fragmented close frame', [frame(OPCODE.close, Buffer.from([3, 232]), part)])
for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 3000, 3999, 4000, 4999]) {
  cases.set(`the valid code ${code}`, [close(code, 'reason')])
}
for (const code of [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535]) {
  cases.set(`the invalid code ${code}`, [close(code)])
}
cases.set('a frame that is not masked', [frame(OPCODE.text, 'a', { isMasked: false }), end])
cases.set('a length beyond 2^53', [Buffer.from('82ffffffffffffffffff12345678', 'hex'), end])
cases.set('no frames at all', [Buffer.from('GET / HTTP/1.1\r\nHost: h\r\n\r\n')])

for (const mebibytes of [1, 4, 16]) {
  const payload = Buffer.alloc(mebibytes * 1024 * 1024, '0123456789')
  cases.set(`a text of ${mebibytes} MiB`, [frame(OPCODE.text, payload), end])
  cases.set(`a binary message of ${mebibytes} MiB in fragments of 64 KiB`, [
    ...fragments(OPCODE.binary, payload, 65_536),
    end,
  ])
}
cases.set(
  'a thousand messages of 64 bytes',
  [...Array(1_000).keys()].map(i => frame(OPCODE.text, `${i}`.padEnd(64))).concat(end),
)

function compressed(text: string, options: FrameOptions = {}): Buffer {
  // RFC 7692 section 7.2.1: without the last four bytes of an empty block.
  const bytes = deflateRawSync(text, { finishFlush: 2 }).subarray(0, -4)
  return frame(OPCODE.text, bytes, { reserved: 4, ...options })
}
const COMPRESSION =
  'Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover'
const compressedCases = new Map<string, Script>([
  ['a compressed text', [compressed('hello'.repeat(300)), end]],
  ['a compressed text, byte by byte', cut([compressed('hello'.repeat(300)), end], 1)],
  ['a compressed message of 1 MiB', [compressed('0123456789'.repeat(104_858)), end]],
  ['a message that is not compressed', [frame(OPCODE.text, 'plain'.repeat(300)), end]],
  ['compressed data that is none', [frame(OPCODE.text, 'nonsense', { reserved: 4 }), end]],
  ['a compressed ping', [frame(OPCODE.ping, 'x', { reserved: 4 }), end]],
  [
    'a ping between compressed fragments',
    [compressed('ab', part), frame(OPCODE.ping, 'now'), frame(CONTINUATION, ''), end],
  ],
])

/** What passed one connection, without the two heads. */
interface Passed {
  readonly accepted: string
  readonly toClient: Buffer
  readonly toNode: Buffer
}

/** The bytes that the node has received on each WebSocket, by its target. */
const received = new Map<string, Promise<Buffer>>()
let nodePort = 0
let gatewayPort = 0

/** Run after the last test. */
const closers: (() => unknown)[] = []

before(async () => {
  const node = createServer()
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: true })
  node.on('upgrade', (request, stream, head) => {
    const socket = stream as Socket
    const pieces: Buffer[] = []
    // What came with the handshake is pushed back into the socket, and comes again. `ws` removes masks in place.
    socket.on('data', (piece: Buffer) => pieces.push(Buffer.from(piece))).on('error', () => {})
    received.set(
      request.url!,
      once(socket, 'close').then(() => Buffer.concat(pieces)),
    )
    webSockets.handleUpgrade(request, socket, head, webSocket => {
      webSocket
        .on('error', () => {})
        .on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }))
    })
  })
  node.listen(0, '127.0.0.1')
  await once(node, 'listening')
  closers.push(() => node.close())
  nodePort = (node.address() as AddressInfo).port
  const gateway = await startTestGateway(
    { after: close => void closers.push(close as () => unknown) },
    { nodes: { 'chat/c1': nodePort } },
  )
  gatewayPort = gateway.port
})

after(async () => {
  for (const close of closers.reverse()) await close()
})

/** @param seen the target at the node */
async function run(
  port: number,
  target: string,
  seen: string,
  script: Script,
  lines: readonly string[],
): Promise<Passed> {
  const client = await openRaw(port)
  // The client sends its whole script, even if the node ends its side earlier.
  client.socket.allowHalfOpen = true
  const ended = once(client.socket, 'end')
  client.socket.write(handshake(target, lines))
  const head = await client.until('\r\n\r\n')
  for (const piece of script) {
    client.socket.write(piece)
    await nextTurn()
  }
  await ended
  client.socket.end()
  const text = await client.closed
  const headEnd = text.indexOf('\r\n\r\n') + 4
  return {
    accepted: /^HTTP\/1\.1 101 .*\r\n/.test(head)
      ? (/sec-websocket-extensions: (.*)\r\n/i.exec(head)?.[1] ?? '')
      : head,
    toClient: Buffer.from(text.slice(headEnd), 'latin1'),
    toNode: await received.get(seen)!,
  }
}

let count = 0

function testCase(what: string, script: Script, lines: readonly string[] = []): void {
  test(`through the gateway, both ends see what they would see without it: ${what}`, async () => {
    const [direct, tunnelled] = await Promise.all([
      run(nodePort, `/direct-${count}`, `/direct-${count}`, script, lines),
      run(gatewayPort, `/chat/tunnelled-${count}`, `/tunnelled-${count}`, script, lines),
    ])
    count++
    assert.equal(tunnelled.accepted, direct.accepted)
    assert.ok(tunnelled.toClient.equals(direct.toClient), difference(tunnelled.toClient, direct.toClient))
    assert.ok(tunnelled.toNode.equals(direct.toNode), difference(tunnelled.toNode, direct.toNode))
    const sent = Buffer.concat(script)
    assert.ok(direct.toNode.equals(sent), difference(direct.toNode, sent))
  })
}

function difference(got: Buffer, expected: Buffer): string {
  const show = (bytes: Buffer) => `${bytes.length} bytes, ${bytes.subarray(-40).toString('latin1')}`
  return `${show(got)}; expected ${show(expected)}`
}

for (const [what, script] of cases) testCase(what, script)
for (const [what, script] of compressedCases) testCase(what, script, [COMPRESSION])
