import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import pino from 'pino'
import { type RegisterServiceOptions, register } from '../../discovery/register.ts'
import { startGrpcNode } from '../support/grpc-node.ts'

/** What {@link file://./node-process.ts} is started with, as JSON in its first argument. */
export interface NodeProcessOptions {
  readonly id: string
  readonly protocol: 'http' | 'grpc'
  readonly port: number
  /** The file to which the bodies of POSTs are appended, one a line. */
  readonly postedFile: string
  /** Undefined = a sidecar registers the node. */
  readonly registration?: RegisterServiceOptions | undefined
}

/** Time for gateways to hear that the node has left, as in the sidecar. */
const DRAIN_MS = 500

// A node of the chaos run in its own process. SIGTERM takes it out of etcd, and lets what is in flight end.
if (process.argv[1] === import.meta.filename) await run(JSON.parse(process.argv[2]!))

async function run(options: NodeProcessOptions): Promise<void> {
  const { protocol, registration } = options
  const leaving = new AbortController()
  process.once('SIGTERM', () => leaving.abort())
  const over = new Promise(resolve => leaving.signal.addEventListener('abort', resolve))
  const stop = protocol === 'grpc' ? await serveGrpc(options) : await serveHttp(options)
  if (registration !== undefined) {
    const { signal } = leaving
    const registered = await register({ ...registration, signal, logger: pino(pino.destination(2)) }).catch(
      error => {
        if (!signal.aborted) throw error
      },
    )
    await over
    await registered?.unregister()
    await delay(DRAIN_MS)
  }
  await over
  await stop()
  process.exit(0)
}

async function serveGrpc({ id, port }: NodeProcessOptions): Promise<() => Promise<void>> {
  const node = await startGrpcNode(id, { port, reflection: true })
  return () => node.shutDown(5_000)
}

/** `/control?delayMs=300&status=503` changes how requests are answered from then on. */
async function serveHttp({ id, port, postedFile }: NodeProcessOptions): Promise<() => Promise<void>> {
  let delayMs = 0
  let status = 200
  let isStopping = false
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://node')
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    if (pathname === '/control') {
      delayMs = Number(searchParams.get('delayMs'))
      status = Number(searchParams.get('status'))
    } else if (pathname !== '/healthz') {
      // On disk before the answer is sent, so that it is known what a killed node had received.
      if (request.method === 'POST') appendFileSync(postedFile, `${body}\n`)
      if (delayMs > 0) await delay(delayMs)
      response.statusCode = status
    }
    // A gateway may not hear that the node has left, while etcd is out of reach, and would go on using its connections.
    if (isStopping) response.setHeader('connection', 'close')
    response.end(id)
  })
  // A connection that is closed just as a POST is sent costs that POST, which is none of the faults here.
  server.keepAliveTimeout = 60_000
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return () => {
    isStopping = true
    return new Promise(resolve => server.close(() => resolve()))
  }
}
