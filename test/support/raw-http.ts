import { connect, type Socket } from 'node:net'

/** A TCP connection for raw bytes. The caller disposes of it. */
export interface RawConnection extends Disposable {
  readonly socket: Socket
  write(bytes: string | Buffer): void
  /** Everything received so far, as latin1: one character per byte. */
  received(): string
  /** Resolves with everything received once `test` accepts it; rejects if the connection ends before. */
  receives(test: (text: string) => boolean): Promise<string>
  /** Resolves with everything received when the other side has ended the connection. */
  readonly ended: Promise<string>
}

export async function openRaw(port: number, host = '127.0.0.1'): Promise<RawConnection> {
  const socket = connect({ host, port })
  let text = ''
  let over = false
  const listeners = new Set<() => void>()
  const tell = () => {
    for (const listener of listeners) listener()
  }
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
    tell()
  })
  const ended = new Promise<string>(resolve => {
    socket.once('close', () => {
      over = true
      tell()
      resolve(text)
    })
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  // A reset is a normal end here; `ended` resolves on it, too.
  socket.on('error', () => {})
  return {
    socket,
    ended,
    write: bytes => void socket.write(bytes),
    received: () => text,
    receives: test =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (test(text)) resolve(text)
          else if (over) reject(new Error(`the connection ended after ${JSON.stringify(text)}`))
          else return
          listeners.delete(check)
        }
        listeners.add(check)
        check()
      }),
    [Symbol.dispose]: () => void socket.destroy(),
  }
}

/** Sends bytes, and resolves with everything received until the other side ends the connection. */
export async function exchangeRaw(port: number, bytes: string | Buffer): Promise<string> {
  using connection = await openRaw(port)
  connection.write(bytes)
  return await connection.ended
}
