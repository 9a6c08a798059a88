import type { FastifyInstance } from 'fastify'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** Listens until SIGTERM or SIGINT, then closes: unregistered first, open requests answered, then gone. */
export async function serve(app: FastifyInstance, address: { host: string; port: number }): Promise<void> {
  function close(): void {
    // A second signal finds nobody who listens to it, and ends the process at once.
    for (const signal of SIGNALS) process.off(signal, close)
    void app.close()
  }
  for (const signal of SIGNALS) process.on(signal, close)
  await app.listen(address)
}
