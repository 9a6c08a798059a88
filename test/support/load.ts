import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

export interface LoadOptions {
  /** Port of the gateway. */
  readonly port: number
  /** Requests started per second, evenly spread. */
  readonly perSecond: number
  readonly durationMs: number
  /** The most connections; further requests wait for one. Default: one for each request in flight. */
  readonly connections?: number
  /** The most requests under way; when there are so many, the load falls behind. Default: any number. */
  readonly atMost?: number
  readonly path: string
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  /** Returns the body of the n-th request. */
  readonly body?: (n: number) => string
  /** Called with every complete answer. */
  readonly onAnswer?: (answer: Answer) => void
  /** When aborted, no more requests are started, even before `durationMs`. */
  readonly signal?: AbortSignal
}

export interface LoadResult {
  readonly sent: number
  /** Number of answers by status. */
  readonly statuses: ReadonlyMap<number, number>
  /** Number of answers by body, for nodes that answer with their name. */
  readonly bodies: ReadonlyMap<string, number>
  /** Number of requests without a complete answer, by error code. */
  readonly errors: ReadonlyMap<string, number>
}

/**
 * Sends requests at a steady pace over kept connections, without waiting for earlier ones, and resolves when the last
 * one has ended.
 */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { perSecond, durationMs, signal } = options
  const { connections = Number.POSITIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = options
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const statuses = new Map<number, number>()
  const bodies = new Map<string, number>()
  const errors = new Map<string, number>()
  const underWay = new Set<Promise<void>>()
  const begunAt = performance.now()
  let sent = 0
  for (;;) {
    const elapsedMs = performance.now() - begunAt
    if (elapsedMs >= durationMs || signal?.aborted) break
    // Catches up after a busy moment, so that the number of requests does not depend on the machine.
    for (const due = (elapsedMs / 1_000) * perSecond; sent < due && underWay.size < atMost; sent++) {
      const one = sendOne(options, agent, sent).then(
        answer => {
          add(statuses, answer.status)
          add(bodies, answer.body)
          options.onAnswer?.(answer)
        },
        (error: NodeJS.ErrnoException) => add(errors, error.code ?? error.message),
      )
      underWay.add(one)
      void one.finally(() => underWay.delete(one))
    }
    await delay(5)
  }
  await Promise.all(underWay)
  agent.destroy()
  return { sent, statuses, bodies, errors }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Duration of the request, milliseconds. */
  readonly ms: number
}

/** Sends the n-th request. Rejects when it gets no complete answer. */
export function sendOne(
  {
    port,
    path,
    method = 'GET',
    headers,
    body,
  }: Pick<LoadOptions, 'port' | 'path' | 'method' | 'headers' | 'body'>,
  agent: Agent,
  n: number,
): Promise<Answer> {
  const begunAt = performance.now()
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => {
        const { statusCode, headers } = response
        resolve({ status: statusCode!, headers, body: text, ms: performance.now() - begunAt })
      })
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end(body?.(n))
  })
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
