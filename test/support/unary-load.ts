import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from 'node:http2'
import { setTimeout as delay } from 'node:timers/promises'

/** What became of the calls of a load, by gRPC status: `0` is OK. */
export interface UnaryReport {
  readonly calls: number
  readonly statuses: ReadonlyMap<string, number>
  /** Calls that failed although the client had a part of their answer. No gateway can repeat those (gRFC A6). */
  readonly begun: number
  /** The first calls that were not OK, each as `callOnce` tells it. */
  readonly failures: readonly string[]
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
  /** Default: until the signal is aborted. */
  readonly durationMs?: number
  readonly signal?: AbortSignal
  /** Further fields of each call. */
  readonly headers?: Readonly<Record<string, string>>
  /** The most calls in a second. Default: as many as there can be. */
  readonly perSecond?: number
  /** Whether a call is sent again that was refused, as gRPC libraries do (gRFC A6). Default false. */
  readonly repeatsRefused?: boolean
}

const FAILURES_TOLD = 10
/** An empty message. */
const MESSAGE = Buffer.alloc(5)

/**
 * Makes unary gRPC calls with node:http2 for a time. Each has an id of its own in `x-request-id`, and `x-call` says the
 * same to the node. A connection that the gateway ends with GOAWAY is replaced, as gRPC libraries do.
 */
export async function runUnaryLoad(options: UnaryLoadOptions): Promise<UnaryReport> {
  const { port, connections, streams, durationMs = Number.POSITIVE_INFINITY, signal } = options
  const { headers, perSecond, repeatsRefused = false } = options
  const everyMs = perSecond === undefined ? 0 : (connections * streams * 1_000) / perSecond
  const until = performance.now() + durationMs
  const statuses = new Map<string, number>()
  const good = new Set<string>()
  const failures: string[] = []
  const times: number[] = []
  let calls = 0
  let begun = 0
  const sessions = Array.from({ length: connections }, () => open(port))
  const loop = async (index: number) => {
    while (performance.now() < until && !signal?.aborted) {
      const id = `call-${++calls}`
      const begunAt = performance.now()
      const session = () => {
        if (sessions[index]!.closed) sessions[index] = open(port)
        return sessions[index]!
      }
      let end = await callOnce(session(), options.path, id, headers)
      if (repeatsRefused && end === REFUSED) end = await callOnce(session(), options.path, id, headers)
      const took = performance.now() - begunAt
      const [status = ''] = end.split(':')
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (end.endsWith(ANSWER_HAD_BEGUN)) begun++
      if (status === '0') {
        good.add(id)
        times.push(took)
      } else if (failures.length < FAILURES_TOLD) failures.push(end)
      if (everyMs > took) await delay(everyMs - took)
    }
  }
  try {
    await Promise.all(sessions.flatMap((_, index) => Array.from({ length: streams }, () => loop(index))))
  } finally {
    for (const session of sessions) session.destroy()
  }
  return { calls, statuses, begun, failures, good, times: times.sort((a, b) => a - b) }
}

function open(port: number): ClientHttp2Session {
  return connect(`http://127.0.0.1:${port}`).on('error', () => {})
}

/** What `callOnce` says of a call that was on its way when its connection ended: no node has it. */
export const REFUSED = `reset ${constants.NGHTTP2_REFUSED_STREAM}`
/** What `callOnce` adds to a status that came behind a part of an answer. */
export const ANSWER_HAD_BEGUN = ' (its answer had begun)'

/** Makes one unary call. Resolves with its gRPC status and message, such as `0` or `14: no node`, or with what came instead. */
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
    const readEnd = (lines: IncomingHttpHeaders) => {
      const { 'grpc-status': code, 'grpc-message': message } = lines
      if (code !== undefined) status = message === undefined ? String(code) : `${code}: ${message}`
    }
    stream.on('response', readEnd)
    stream.on('trailers', lines => {
      readEnd(lines)
      // No gateway can repeat such a call: the client has a part of its answer.
      if (lines['grpc-status'] !== '0') status += ANSWER_HAD_BEGUN
    })
    stream.on('error', () => {})
    stream.on('close', () => resolve(status === '' ? `reset ${stream.rstCode}` : status))
    stream.resume()
    stream.end(MESSAGE)
  })
}
