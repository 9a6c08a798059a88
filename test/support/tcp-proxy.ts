import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** How a connection ends: `fin` = closed, `rst` = reset. */
export type CutKind = 'fin' | 'rst'

/** A TCP proxy to a loopback port that simulates network faults. The caller disposes of it. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Number of connections accepted so far, including those that were cut at once. */
  readonly accepted: number
  /** Ends every connection; new ones are forwarded. */
  drop(how: CutKind): void
  /** Ends every connection in the middle of the target's data, when it has sent `bytes` more. */
  dropAfter(bytes: number, how: CutKind): Promise<void>
  /** Ends every connection, and every new one immediately, until `mend()`. */
  cut(how: CutKind): void
  /**
   * Swallows all bytes and all ends in both directions, also of new connections, so that neither side notices. Present
   * connections stay dead after `mend()`, like behind a router that forgot them.
   */
  hold(): void
  /** Delays every byte by this time in each direction; 0 = no delay. */
  delay(byMs: number): void
  /** Forwards new connections again. */
  mend(): void
  /** Forwards new connections to another port, as a load balancer does. */
  retarget(port: number): void
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const links = new Set<Link>()
  let accepted = 0
  let target = targetPort
  let delayMs = 0
  let state: 'open' | 'held' | CutKind = 'open'
  let onBytes: (count: number) => void = () => {}
  const server = createServer({ noDelay: true, allowHalfOpen: true }, near => {
    accepted++
    if (state === 'fin' || state === 'rst') {
      near.on('error', () => {})
      end(near, state)
      return
    }
    const link: Link = new Link(near, target, {
      delayMs: () => delayMs,
      onBytes: count => onBytes(count),
      onOver: () => links.delete(link),
    })
    link.held = state === 'held'
    links.add(link)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const drop = (how: CutKind) => {
    for (const link of links) link.end(how)
  }
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get accepted() {
      return accepted
    },
    drop,
    dropAfter: (bytes, how) =>
      new Promise(resolve => {
        let left = bytes
        onBytes = count => {
          left -= count
          if (left > 0) return
          onBytes = () => {}
          drop(how)
          resolve()
        }
      }),
    cut(how) {
      state = how
      drop(how)
    },
    hold() {
      state = 'held'
      for (const link of links) link.held = true
    },
    delay(byMs) {
      delayMs = byMs
    },
    mend() {
      state = 'open'
    },
    retarget(to) {
      target = to
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise(resolve => server.close(resolve))
      drop('rst')
      await closed
    },
  }
}

interface LinkOptions {
  delayMs(): number
  /** Called when bytes of the target have been forwarded. */
  onBytes(count: number): void
  onOver(): void
}

/** One accepted connection and its connection to the target. */
class Link {
  /** Never reset to false: the swallowed bytes are missing. */
  held = false
  readonly #sockets: readonly [Socket, Socket]
  readonly #options: LinkOptions

  constructor(near: Socket, targetPort: number, options: LinkOptions) {
    const far = connect({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    this.#sockets = [near, far]
    this.#options = options
    this.#pass(near, far, () => {})
    this.#pass(far, near, count => options.onBytes(count))
  }

  end(how: CutKind): void {
    for (const socket of this.#sockets) end(socket, how)
    this.#options.onOver()
  }

  #pass(from: Socket, to: Socket, onBytes: (count: number) => void): void {
    const queue: { readonly dueAt: number; readonly piece: Buffer | undefined }[] = []
    let timer: NodeJS.Timeout | undefined
    const flush = () => {
      timer = undefined
      while (queue[0] && queue[0].dueAt <= performance.now()) {
        const { piece } = queue.shift()!
        // No backpressure: the data of a test fits into memory.
        if (piece) {
          to.write(piece)
          onBytes(piece.length)
        } else to.end()
      }
      if (queue[0]) timer = setTimeout(flush, Math.ceil(queue[0].dueAt - performance.now()))
    }
    const enqueue = (piece?: Buffer) => {
      if (this.held) return
      queue.push({ dueAt: performance.now() + this.#options.delayMs(), piece })
      if (!timer) flush()
    }
    from.on('data', enqueue)
    from.on('end', () => enqueue())
    from.on('error', () => {
      if (!this.held) end(to, 'rst')
    })
    // Not when `from` closes: its last bytes may still be on their way.
    to.on('close', () => {
      clearTimeout(timer)
      if (from.destroyed) this.#options.onOver()
    })
  }
}

function end(socket: Socket, how: CutKind): void {
  // libuv refuses a reset while the socket's own end is being sent, and leaves a handle that keeps Node from exiting.
  if (how === 'rst' && !socket.writableEnded) socket.resetAndDestroy()
  else socket.destroy()
}
