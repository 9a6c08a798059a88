import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP wire to a store that can be cut while the store goes on. */
export interface Wire extends AsyncDisposable {
  readonly url: string
  /** Drops every connection and takes no new one. */
  cut(): void
  mend(): void
  /** Drops every connection and takes new ones: a blip. */
  shake(): void
}

export async function startWire(port: number): Promise<Wire> {
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer(near => {
    if (isCut) {
      near.destroy()
      return
    }
    const far = connect(port, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    near.pipe(far)
    far.pipe(near)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const shake = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    shake,
    cut() {
      isCut = true
      shake()
    },
    mend() {
      isCut = false
    },
    async [Symbol.asyncDispose]() {
      shake()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
