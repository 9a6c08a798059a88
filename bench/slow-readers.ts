import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface SlowReaderOptions {
  readonly count: number
  readonly url: string
  readonly token: string
  /** How fast each reader reads. */
  readonly bytesPerSecond: number
}

export interface SlowReaders {
  /** Closes all connections. Returns the number of bytes that were read. */
  close(): number
}

const TICK_MS = 50

/**
 * Requests a long answer on each of many connections and reads it slowly. Resolves when every answer has begun.
 *
 * @throws Error when an answer is not 200
 */
export async function openSlowReaders(options: SlowReaderOptions): Promise<SlowReaders> {
  const { count, url, token, bytesPerSecond } = options
  const { hostname, port, pathname } = new URL(url)
  const startedAt = performance.now()
  const allowed = () => ((performance.now() - startedAt) / 1_000) * bytesPerSecond
  const taken = new Map<Socket, number>()
  for (let i = 0; i < count; i++) {
    const socket = connect(Number(port), hostname).on('error', () => {})
    socket.write(
      `GET ${pathname} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: Bearer ${token}\r\n\r\n`,
    )
    const [head] = await once(socket, 'data')
    if (!String(head).startsWith('HTTP/1.1 200')) throw new Error(`a reader got ${head}`)
    taken.set(socket.pause(), head.length)
    socket.on('data', chunk => {
      taken.set(socket, taken.get(socket)! + chunk.length)
      if (taken.get(socket)! > allowed()) socket.pause()
    })
  }
  const timer = setInterval(() => {
    for (const [socket, bytes] of taken) if (bytes <= allowed()) socket.resume()
  }, TICK_MS)
  return {
    close() {
      clearInterval(timer)
      for (const socket of taken.keys()) socket.destroy()
      return [...taken.values()].reduce((sum, bytes) => sum + bytes, 0)
    },
  }
}
