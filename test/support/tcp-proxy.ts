import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** How a connection ends: `fin` = closed, `rst` = reset. */
export type CutKind = 'fin' | 'rst'

/** A TCP wire to a loopback port, with the faults that wires have. Whoever started it disposes of it. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Connections accepted so far, the refused ones included. */
  readonly accepted: number
  /** Ends every connection; new ones pass. */
  drop(how: CutKind): void
  /** The same, in the middle of what the target sends: when so many bytes of it have passed from now on. */
  dropAfter(bytes: number, how: CutKind): Promise<void>
  /** Ends every connection, and every new one at once, until `mend()`. */
  cut(how: CutKind): void
  /**
   * Swallows every byte and every end, in both directions and of new connections too: nobody is told
   * anything. What is connected now stays lost after `mend()`, as behind a router that forgot it.
   */
  hold(): void
  /** Every byte takes this long in each direction from now on; 0 = at once. */
  delay(byMs: number): void
  /** New connections pass again. */
  mend(): void
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const links = new Set<Link>()
  let accepted = 0
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
    const link: Link = new Link(near, targetPort, {
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
    async [Symbol.asyncDispose]() {
      const closed = new Promise(resolve => server.close(resolve))
      drop('rst')
      await closed
    },
  }
}

interface LinkOptions {
  delayMs(): number
  /** So many bytes of the target's were passed on. */
  onBytes(count: number): void
  onOver(): void
}

/** One connection and its continuation on the other side. */
class Link {
  /** Once true it is so for good: what was swallowed is missing. */
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
        // No backpressure: what passes here in a test fits into memory.
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
    // Not when `from` closes: what it said before may still be on its way.
    to.on('close', () => {
      clearTimeout(timer)
      if (from.destroyed) this.#options.onOver()
    })
  }
}

function end(socket: Socket, how: CutKind): void {
  // A reset while the socket's own end is being sent is refused by libuv, and leaves a handle that Node waits
  // for when it exits, for ever.
  if (how === 'rst' && !socket.writableEnded) socket.resetAndDestroy()
  else socket.destroy()
}
