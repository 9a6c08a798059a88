/** What a collector answers. */
export interface PostAnswer {
  readonly status: number
  /** Of `Retry-After`; undefined when there is none. */
  readonly retryAfter: string | undefined
  /** Its body, or the beginning of a long one. */
  readonly body: Buffer
}

/** A collector that batches are posted to. */
export interface Poster {
  /** Posts a body. Rejects when no whole answer comes. */
  post(body: Buffer, signal: AbortSignal): Promise<PostAnswer>
  /** Closes the connections. */
  close(): void
}

/** More of an answer is not read. */
const MAX_ANSWER_BYTES = 65_536

/**
 * Creates what posts to a collector, over connections that are kept and keep no process alive. `fetch` would take a quarter more
 * CPU. Redirects are answers like others. The caller closes it.
 */
export function createPoster(url: string, headers: Readonly<Record<string, string>>): Poster {
  const target = new URL(url)
  const { Agent, request } =
    target.protocol === 'https:'
      ? process.getBuiltinModule('node:https')
      : process.getBuiltinModule('node:http')
  const agent = new Agent({ keepAlive: true })
  const post: Poster['post'] = (body, signal) =>
    new Promise((resolve, reject) => {
      const sent = request(target, {
        ...{ method: 'POST', agent, signal },
        headers: { ...headers, 'content-type': 'application/x-protobuf', 'content-length': body.length },
      })
      sent.on('error', reject)
      // Of an answer that asks for another protocol, Node closes the connection, and says nothing else.
      sent.on('close', () => reject(new Error('the connection was closed without an answer')))
      sent.on('response', response => {
        const pieces: Buffer[] = []
        let bytes = 0
        const finish = () =>
          resolve({
            status: response.statusCode!,
            retryAfter: response.headers['retry-after'],
            body: Buffer.concat(pieces),
          })
        response.on('data', (piece: Buffer) => {
          pieces.push(piece)
          bytes += piece.length
          if (bytes <= MAX_ANSWER_BYTES) return
          finish()
          sent.destroy()
        })
        response.on('end', finish)
        response.on('error', reject)
      })
      sent.end(body)
    })
  return { post, close: () => agent.destroy() }
}
