/**
 * Runs the HTTP/2 load in the JSON file of its argument, and prints the result as JSON. Each stream of a connection sends its
 * next request when it has its answer.
 */
import { readFileSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import { connect as connectSecure } from 'node:tls'
import { Http2Stream } from '../../internal/http2/http2-stream.ts'
import type { LoadOptions, LoadResult } from '../load.ts'
import { percentile } from '../percentile.ts'
import { type Speaker, speakHttp2 } from './connect.ts'
import { framed } from './echo-service.ts'

const READ_BYTES = 65_536

const load: LoadOptions = JSON.parse(readFileSync(process.argv[2]!, 'utf8'))
const { base, path, connections, seconds, method = 'GET', tokens: [token] = [], http2, body, ca } = load
const { streams, isGrpc } = http2!
const url = new URL(base + path)
const trusted = ca && readFileSync(ca)
const lines = [
  ...[':method', method, ':scheme', url.protocol.slice(0, -1), ':path', url.pathname, ':authority', url.host],
  ...(isGrpc ? ['te', 'trailers'] : []),
  ...(body ? ['content-type', body.type] : []),
  ...(token === undefined ? [] : ['authorization', `Bearer ${token}`]),
]
const message = body && (isGrpc ? framed(Buffer.from(body.text, 'latin1')) : Buffer.from(body.text, 'latin1'))

const times: number[] = []
let failed = 0
let isOver = false

/** One request. */
class Call extends Http2Stream {
  readonly #speaker: Speaker
  readonly #begun = performance.now()
  #isGood = !isGrpc

  constructor(speaker: Speaker) {
    super()
    this.#speaker = speaker
    speaker.connection.open(this, lines, message === undefined)
    if (message) this.sendData(message, true)
  }

  onHead(lines: string[], isEnd: boolean): void {
    if (lines[1] !== '200') this.#isGood = false
    // An answer without messages may have its status in the head.
    if (isEnd) this.#end()
  }

  onHeadTooLarge(): void {
    this.reset(0)
    this.#end()
  }

  onData(_bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    this.consume(end - start)
    if (isEnd) this.#end()
  }

  onTrailers(lines: string[]): void {
    const at = lines.indexOf('grpc-status')
    if (isGrpc) this.#isGood = lines[at + 1] === '0'
    this.#end()
  }

  onReset(): void {
    this.#isGood = false
    this.#end()
  }

  onDrain(): void {}

  #end(): void {
    if (isOver) return
    times.push(performance.now() - this.#begun)
    if (!this.#isGood) failed++
    if (this.#speaker.connection.canOpen) new Call(this.#speaker)
  }
}

function open(): void {
  let speaker: Speaker
  let isConnected = false
  const options = {
    host: url.hostname,
    port: Number(url.port),
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback(size: number, buffer: Uint8Array) {
        speaker.receive((buffer as Buffer).subarray(0, size))
        return true
      },
    },
  }
  const socket = trusted
    ? connectSecure({ ...options, ca: trusted, ALPNProtocols: ['h2'] })
    : connectPlain(options)
  speaker = speakHttp2(socket, 'client')
  socket
    .on(trusted ? 'secureConnect' : 'connect', () => {
      isConnected = true
      for (let i = 0; i < streams; i++) new Call(speaker)
    })
    .on('error', () => {})
    .on('close', () => {
      if (isOver) return
      if (!isConnected) failed++
      // The calls under way fail. After a GOAWAY, there are none.
      speaker.connection.closed()
      setTimeout(open, 1)
    })
}

for (let i = 0; i < connections; i++) open()
const begun = performance.now()
setTimeout(() => {
  isOver = true
  const elapsedSeconds = (performance.now() - begun) / 1_000
  const sorted = Float64Array.from(times).sort()
  const result: LoadResult = {
    requests: times.length,
    requestsPerSecond: times.length / elapsedSeconds,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    failed,
  }
  console.log(JSON.stringify(result))
  process.exit()
}, seconds * 1_000)
