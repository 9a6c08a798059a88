import type { FastifyInstance } from 'fastify'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** Listens until SIGTERM or SIGINT. Then it unregisters, answers the open requests, and closes. */
export async function serve(app: FastifyInstance, address: { host: string; port: number }): Promise<void> {
  function close(): void {
    // A second signal has no listener, so it ends the process at once.
    for (const signal of SIGNALS) process.off(signal, close)
    void app.close()
  }
  for (const signal of SIGNALS) process.on(signal, close)
  await app.listen(address)
}
