import type { FastifyInstance } from 'fastify'

/** `disconnect`: the demo that started this process has ended, perhaps without a chance to say so. */
const ENDS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'disconnect'] as const

/** Listens until it is told to end. Then it unregisters, answers the open requests, and closes. */
export async function serve(app: FastifyInstance, address: { host: string; port: number }): Promise<void> {
  function close(): void {
    // A second signal has no listener, so it ends the process at once.
    for (const end of ENDS) process.off(end, close)
    void app.close()
  }
  for (const end of ENDS) process.on(end, close)
  await app.listen(address)
}
