import type { FastifyInstance } from 'fastify'

/** Listens until SIGTERM or SIGINT, then closes: unregistered first, open requests answered, then gone. */
export async function serve(app: FastifyInstance, address: { host: string; port: number }): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // Once: a second signal finds no listener and ends the process at once.
    process.once(signal, () => void app.close())
  }
  await app.listen(address)
}
