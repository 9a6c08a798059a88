import type { IncomingMessage } from 'node:http'

/** Sets of keys are a few thousand bytes; whoever sends more means no good. */
export const MAX_JWKS_BYTES = 262_144
const TIMEOUT_MS = 5_000

export interface FetchJwksOptions {
  readonly signal?: AbortSignal | undefined
  /** For the whole answer. Default 5,000. */
  readonly timeoutMs?: number | undefined
}

/**
 * The text of a set of keys. Asks the configured address and no other: redirects are refused, since they would let
 * whoever can make one choose whose signatures count.
 *
 * @param url https, or http on loopback
 * @throws Error with the reason, for the log
 */
export function fetchJwks(
  url: string,
  { signal, timeoutMs = TIMEOUT_MS }: FetchJwksOptions = {},
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  // Imported as a module, node:http would load the client behind fetch as well, which is 5 MB.
  const { get } = process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http')
  const ending = [AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]
  const request = get(url, {
    // It is asked once in minutes: no connection is worth keeping.
    agent: false,
    headers: { accept: 'application/jwk-set+json, application/json' },
    signal: AbortSignal.any(ending),
  })
  request.on('response', response => readAll(response).then(resolve, reject))
  request.on('error', error => {
    const isLate = ending[0]!.aborted && signal?.aborted !== true
    reject(isLate ? new Error(`no whole answer within ${timeoutMs} ms`) : error)
  })
  return promise
}

async function readAll(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let length = 0
  try {
    if (response.statusCode !== 200) throw new Error(`answered with status ${response.statusCode}, not 200`)
    for await (const piece of response as AsyncIterable<Buffer>) {
      length += piece.length
      if (length > MAX_JWKS_BYTES) throw new Error(`answered with more than ${MAX_JWKS_BYTES} bytes`)
      pieces.push(piece)
    }
  } finally {
    response.destroy()
  }
  return Buffer.concat(pieces).toString('utf8')
}
