import { getHeader } from '../../internal/http/header-lines.ts'
import type { UpstreamResponse } from '../../internal/upstream.ts'

export interface StaleAnswersOptions {
  /** Memory for all answers, including their headers and keys. */
  readonly totalBytes: number
  /** The largest body that is kept. */
  readonly answerBytes: number
  /** Milliseconds on the monotonic clock. */
  readonly now?: () => number
}

/** An answer as the node gave it. */
export interface KeptAnswer {
  /** Flat. */
  readonly headers: readonly string[]
  readonly body: Buffer
  /** Milliseconds on the monotonic clock. */
  readonly keptAt: number
}

/** The last good answers by key. The least recently used are evicted first. */
export class StaleAnswers {
  readonly #options: StaleAnswersOptions
  readonly #now: () => number
  /** The most recently used answer is at the end. */
  readonly #answers = new Map<string, KeptAnswer>()
  #bytes = 0
  /** Bytes of answers whose bodies are still passing. */
  #passing = 0

  constructor(options: StaleAnswersOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** Bytes in use, including those of answers that are still passing. */
  get bytes(): number {
    return this.#bytes + this.#passing
  }

  /** Returns the answer under `key` and its age in milliseconds, unless it is older than `maxAgeMs`. */
  get(key: string, maxAgeMs: number): { readonly answer: KeptAnswer; readonly ageMs: number } | undefined {
    const answer = this.#answers.get(key)
    if (!answer) return undefined
    const ageMs = this.#now() - answer.keptAt
    if (ageMs > maxAgeMs) return undefined
    this.#answers.delete(key)
    this.#answers.set(key, answer)
    return { answer, ageMs }
  }

  /** Keeps the answer once all of it has passed, unless it is too long or too much is passing already. */
  keep(key: string, response: UpstreamResponse): void {
    const { answerBytes, totalBytes } = this.#options
    if (declaredLength(response) > answerBytes) return
    let pieces: (Buffer | string)[] | undefined = []
    let length = 0
    const letGo = () => {
      this.#passing -= length
      length = 0
    }
    response.observe?.({
      onChunk: chunk => {
        if (pieces === undefined) return
        length += chunk.length
        this.#passing += chunk.length
        pieces.push(chunk)
        if (length <= answerBytes && this.#passing <= totalBytes) return
        pieces = undefined
        letGo()
      },
      onEnd: isWhole => {
        letGo()
        if (pieces === undefined || !isWhole) return
        this.#put(key, { headers: response.headers, body: joined(pieces), keptAt: this.#now() })
      },
    })
  }

  #put(key: string, answer: KeptAnswer): void {
    this.#drop(key)
    const size = sizeOf(key, answer)
    if (size > this.#options.totalBytes) return
    this.#answers.set(key, answer)
    this.#bytes += size
    for (const oldest of this.#answers.keys()) {
      if (this.#bytes <= this.#options.totalBytes) return
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    const answer = this.#answers.get(key)
    if (!answer) return
    this.#answers.delete(key)
    this.#bytes -= sizeOf(key, answer)
  }
}

/** Joins pieces in memory of their own. What `Buffer.concat` returns may keep 64 KiB, which it shares with other buffers. */
function joined(pieces: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.allocUnsafeSlow(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    if (typeof piece === 'string') body.write(piece, at, 'latin1')
    else piece.copy(body, at)
    at += piece.length
  }
  return body
}

function declaredLength({ headers }: UpstreamResponse): number {
  return Number(getHeader(headers, 'content-length') ?? 0)
}

/** A rough estimate of the objects around an answer. */
const OBJECT_BYTES = 512

/** Counts two bytes for a character, which is what text with a character beyond latin1 takes. */
function sizeOf(key: string, { headers, body }: KeptAnswer): number {
  const characters = headers.reduce((sum, text) => sum + text.length, key.length)
  return body.length + 2 * characters + OBJECT_BYTES
}
