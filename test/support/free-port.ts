import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * A loopback port that nobody listens on, for a program that must be told one or must come back to it. It is
 * below the range that systems take ports for port 0 and for connections from (32768 on Linux, 49152
 * elsewhere), so that while the program is down no other test takes it by chance.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
