import { once } from 'node:events'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'

/** Listens and then blocks: the system accepts as many connections as the backlog holds, and no more. */
const STANDS_STILL = `
  const { parentPort, workerData } = require('node:worker_threads')
  const server = require('node:net').createServer()
  server.listen({ ...workerData, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
`

/**
 * Occupies a port so that packets of new connections to it vanish, as those to a machine that is gone do. Linux only.
 * Released after the test.
 *
 * @returns the port
 */
export async function startSilentListener(
  t: Pick<TestContext, 'after'>,
  { host = '127.0.0.1', port = 0 } = {},
): Promise<number> {
  const worker = new Worker(STANDS_STILL, { eval: true, workerData: { host, port } })
  t.after(() => worker.terminate())
  const [listening]: number[] = await once(worker, 'message')
  const fillers = Array.from({ length: 6 }, () => connect(listening!, host).on('error', () => {}))
  t.after(() => {
    for (const filler of fillers) filler.destroy()
  })
  await Promise.all(fillers.slice(0, 2).map(filler => once(filler, 'connect')))
  return listening!
}
