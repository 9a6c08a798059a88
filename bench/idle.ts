import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Http2Stream } from '../internal/http2/http2-stream.ts'
import { speakHttp2 } from './http2/connect.ts'

/**
 * Opens connections, makes one request on each, and leaves them idle. Resolves when every answer has arrived, with a function
 * that closes the connections and returns how many the server had closed before.
 *
 * @throws Error when an answer is not 200 or a connection ends
 */
export async function openIdle(
  count: number,
  url: string,
  token?: string,
  isHttp2 = false,
): Promise<() => number> {
  const { hostname, port } = new URL(url)
  const sockets: Socket[] = []
  const close = () => {
    const ended = sockets.filter(socket => socket.readyState !== 'open').length
    for (const socket of sockets) socket.destroy()
    return ended
  }
  try {
    for (let i = 0; i < count; i++) {
      const socket = connect(Number(port), hostname).on('error', () => {})
      sockets.push(socket)
      const status = await (isHttp2 ? askHttp2 : askHttp1)(socket, new URL(url), token)
      if (status !== '200') throw new Error(`an idle connection got ${status}`)
    }
    return close
  } catch (error) {
    close()
    throw error
  }
}

async function askHttp1(socket: Socket, { host, pathname }: URL, token?: string): Promise<string> {
  const authorization = token === undefined ? [] : [`authorization: Bearer ${token}`]
  socket.write(`${[`GET ${pathname} HTTP/1.1`, `host: ${host}`, ...authorization].join('\r\n')}\r\n\r\n`)
  const [chunk] = await once(socket, 'data')
  return String(chunk).split(' ', 2)[1]!
}

function askHttp2(socket: Socket, { host, pathname }: URL, token?: string): Promise<string> {
  const head = [':method', 'GET', ':scheme', 'http', ':path', pathname, ':authority', host]
  const authorization = token === undefined ? [] : ['authorization', `Bearer ${token}`]
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error('an idle connection was closed')))
    const { connection, receive } = speakHttp2(socket, 'client')
    socket.on('data', receive)
    connection.open(new Ask(resolve), [...head, ...authorization], true)
  })
}

/** A request of which only the status counts. */
class Ask extends Http2Stream {
  #status = ''
  readonly #done: (status: string) => void

  constructor(done: (status: string) => void) {
    super()
    this.#done = done
  }

  onHead(lines: string[], isEnd: boolean): void {
    this.#status = lines[1]!
    if (isEnd) this.#done(this.#status)
  }

  onData(_bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    this.consume(end - start)
    if (isEnd) this.#done(this.#status)
  }

  onHeadTooLarge(): void {
    this.#done('')
  }

  onTrailers(): void {
    this.#done(this.#status)
  }

  onReset(): void {
    this.#done('')
  }

  onDrain(): void {}
}
