/**
 * The gRPC nodes of the benchmark: as many ports as the argument says, in one process, as those of `upstream.ts`. They do
 * what `echo.proto` says. Prints the ports.
 */
import { type AddressInfo, createServer } from 'node:net'
import { Http2Stream } from '../../internal/http2/http2-stream.ts'
import { speakHttp2 } from './connect.ts'
import { framed, STREAM } from './echo-service.ts'

const MESSAGES = 1_000
const message = framed(Buffer.alloc(1_024, 'x'))
const HEAD = [':status', '200', 'content-type', 'application/grpc']
const TRAILERS = ['grpc-status', '0']

/** Sends what it receives, or the messages of `Stream`. */
class EchoStream extends Http2Stream {
  #left = 0
  /** Bytes that were received, and that the client is to get its window back for when they are sent. */
  #unsent = 0
  #isEnded = false

  onHead(lines: string[]): void {
    if (lines.includes(STREAM)) this.#left = MESSAGES
    this.sendHead(HEAD, false)
  }

  onHeadTooLarge(): void {
    this.reset(0)
  }

  onData(bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    if (isEnd) this.#isEnded = true
    if (this.#left === 0 && !this.sendData(bytes.subarray(start, end), false)) {
      this.#unsent += end - start
      return
    }
    this.consume(end - start)
    if (isEnd) this.onDrain()
  }

  onTrailers(): void {
    this.#isEnded = true
    this.onDrain()
  }

  onReset(): void {}

  onDrain(): void {
    this.consume(this.#unsent)
    this.#unsent = 0
    if (!this.#isEnded) return
    while (this.#left > 0) {
      this.#left--
      if (!this.sendData(message, false)) return
    }
    this.sendTrailers(TRAILERS)
  }
}

const ports = Array.from({ length: Number(process.argv[2]) }, async () => {
  const server = createServer(socket => {
    const { connection, receive } = speakHttp2(socket, 'server', () => new EchoStream())
    socket
      .on('data', receive)
      .on('error', () => {})
      .on('close', () => connection.closed())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
})
console.log((await Promise.all(ports)).join(' '))
