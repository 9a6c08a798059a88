/**
 * An HTTP server of several processes, which listen in one of the ways that Node offers. Arguments: the way, and how many
 * workers. Prints the port and the process ids of the workers, then the new ids after each `reload` message.
 */
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createNetServer, Server } from 'node:net'

/** All accept from the primary's socket; the primary accepts and hands over; each worker has a socket of its own. */
export type Way = 'shared' | 'handed-over' | 'reuse-port'

const [way, count] = process.argv.slice(2) as [Way, string]

if (cluster.isPrimary) await runPrimary()
else runWorker(Number(process.env.PORT))

async function runPrimary(): Promise<void> {
  cluster.schedulingPolicy = way === 'handed-over' ? cluster.SCHED_RR : cluster.SCHED_NONE
  const port = await freePort()
  const fork = async () => {
    const worker = cluster.fork({ PORT: port })
    // node:cluster does not notice when a worker listens on a socket of its own.
    await once(worker, 'message')
    return worker
  }
  let workers: Worker[] = await Promise.all(Array.from({ length: Number(count) }, fork))
  const announce = () =>
    console.log(JSON.stringify({ port, pids: workers.map(({ process: { pid } }) => pid) }))
  process.on('message', async () => {
    const old = workers
    workers = []
    // As a reload of Waygate does: the new worker listens before the old one stops.
    for (const worker of old) {
      workers.push(await fork())
      worker.send('retire')
    }
    process.send!(workers.map(({ process: { pid } }) => pid))
  })
  cluster.on('exit', (worker, code) => {
    if (code === 0 || !workers.includes(worker)) return
    void fork().then(next => workers.splice(workers.indexOf(worker), 1, next))
  })
  announce()
}

function runWorker(port: number): void {
  const server = createServer((_request, response) => void response.end(String(process.pid)))
  server.listen({ port, host: '127.0.0.1', reusePort: way === 'reuse-port' }, () => process.send!('listens'))
  process.on('message', () => {
    // http.Server would also close idle connections, on which a request may be on its way.
    Server.prototype.close.call(server, () => process.exit(0))
  })
}

/** Finds a free port. With `port: 0`, each worker with its own socket would get another one. */
async function freePort(): Promise<number> {
  const server = createNetServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
