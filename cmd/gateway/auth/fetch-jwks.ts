import type { Readable } from 'node:stream'
import { decodeText } from '../../../internal/text/decode-text.ts'

/** Key sets are a few thousand bytes; a larger answer is hostile or a mistake. */
export const MAX_JWKS_BYTES = 262_144
const TIMEOUT_MS = 5_000

export interface FetchJwksOptions {
  readonly signal?: AbortSignal | undefined
  /** Limit for the whole answer, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number | undefined
}

/**
 * Fetches the text of a key set, from the configured address alone. Redirects are refused: anyone able to cause one
 * could choose whose signatures are trusted.
 *
 * @param url https, or http on loopback
 * @throws Error with the reason, for the log
 */
export function fetchJwks(
  url: string,
  { signal, timeoutMs = TIMEOUT_MS }: FetchJwksOptions = {},
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  // An import of node:http would also load the client behind fetch, which takes 5 MB.
  const { get } = process.getBuiltinModule(url.startsWith('https:') ? 'node:https' : 'node:http')
  const ending = [AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]
  const request = get(url, {
    // One request every few minutes: keeping the connection is not worthwhile.
    agent: false,
    headers: { accept: 'application/jwk-set+json, application/json' },
    signal: AbortSignal.any(ending),
  })
  request.on('response', response => readAll(response).then(resolve, reject))
  // Without a listener, Node would close the connection and say nothing, and nobody would ever ask for keys again.
  request.on('upgrade', (_answer, socket) => {
    socket.destroy()
    reject(new Error('answered with status 101, not 200'))
  })
  request.on('error', error => {
    const hasTimedOut = ending[0]!.aborted && signal?.aborted !== true
    reject(hasTimedOut ? new Error(`no complete answer within ${timeoutMs} ms`) : error)
  })
  return promise
}

async function readAll(response: Readable & { readonly statusCode?: number | undefined }): Promise<string> {
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
  try {
    return decodeText(Buffer.concat(pieces))
  } catch (error) {
    throw new Error(`the answer ${(error as Error).message}`)
  }
}
