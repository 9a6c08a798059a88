import { type ClientHttp2Session, connect } from 'node:http2'
import { setTimeout as delay } from 'node:timers/promises'

/** What became of the calls of a load, by gRPC status: `0` is OK. */
export interface UnaryReport {
  readonly calls: number
  readonly statuses: ReadonlyMap<string, number>
  /** Ids of the calls that were answered with status 0. */
  readonly good: ReadonlySet<string>
  /** Milliseconds that each good call took, sorted. */
  readonly times: readonly number[]
}

export interface UnaryLoadOptions {
  readonly port: number
  /** `/package.Service/Method` */
  readonly path: string
  /** Connections, and calls in flight on each. Each call is followed by the next. */
  readonly connections: number
  readonly streams: number
  readonly durationMs: number
  /** Further fields of each call. */
  readonly headers?: Readonly<Record<string, string>>
  /** The most calls in a second. Default: as many as there can be. */
  readonly perSecond?: number
}

/** An empty message. */
const MESSAGE = Buffer.alloc(5)

/**
 * Makes unary gRPC calls with node:http2 for a time. Each has an id of its own in `x-request-id`, and `x-call` says the
 * same to the node.
 */
export async function runUnaryLoad(options: UnaryLoadOptions): Promise<UnaryReport> {
  const { port, connections, streams, durationMs, headers, perSecond } = options
  const everyMs = perSecond === undefined ? 0 : (connections * streams * 1_000) / perSecond
  const until = performance.now() + durationMs
  const statuses = new Map<string, number>()
  const good = new Set<string>()
  const times: number[] = []
  let calls = 0
  const sessions = Array.from({ length: connections }, () => connect(`http://127.0.0.1:${port}`))
  const loop = async (session: ClientHttp2Session) => {
    while (performance.now() < until) {
      const id = `call-${++calls}`
      const begun = performance.now()
      const status = await callOnce(session, options.path, id, headers)
      if (everyMs > 0) await delay(Math.max(0, everyMs - (performance.now() - begun)))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status !== '0') continue
      good.add(id)
      times.push(performance.now() - begun)
    }
  }
  try {
    await Promise.all(
      sessions.flatMap(session => {
        session.on('error', () => {})
        return Array.from({ length: streams }, () => loop(session))
      }),
    )
  } finally {
    for (const session of sessions) session.destroy()
  }
  return { calls, statuses, good, times: times.sort((a, b) => a - b) }
}

/** Makes one unary call. Resolves with its gRPC status, or with what came instead of one. */
export function callOnce(
  session: ClientHttp2Session,
  path: string,
  id: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise(resolve => {
    const stream = session.request({
      ...{ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' },
      ...{ 'x-request-id': id, 'x-call': id, ...headers },
    })
    let status = ''
    stream.on('response', headers => {
      status = String(headers['grpc-status'] ?? status)
    })
    stream.on('trailers', trailers => {
      status = String(trailers['grpc-status'] ?? status)
    })
    stream.on('error', () => {})
    stream.on('close', () => resolve(status === '' ? `reset ${stream.rstCode}` : status))
    stream.resume()
    stream.end(MESSAGE)
  })
}
