import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/**
 * Opens connections, makes one request on each, and leaves them idle. Resolves when every answer has arrived, with a function
 * that closes the connections and returns how many the server had closed before.
 *
 * @throws Error when an answer is not 200 or a connection ends
 */
export async function openIdle(count: number, url: string, token?: string): Promise<() => number> {
  const { hostname, port, pathname } = new URL(url)
  const request = [
    `GET ${pathname} HTTP/1.1`,
    `host: ${hostname}:${port}`,
    ...(token === undefined ? [] : [`authorization: Bearer ${token}`]),
  ]
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
      socket.write(`${request.join('\r\n')}\r\n\r\n`)
      const [chunk] = await once(socket, 'data')
      if (!String(chunk).startsWith('HTTP/1.1 200')) throw new Error(`an idle connection got ${chunk}`)
    }
    return close
  } catch (error) {
    close()
    throw error
  }
}
