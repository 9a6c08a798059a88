import { createRequire } from 'node:module'
import { connectionOptionsOf, withoutHopByHop } from './hop-by-hop.ts'
import type { Interim, Reading } from './reading.ts'

/** The part of Node's HTTP/1 parser that is used here. */
interface Parser {
  initialize(type: number, resource: object, maxHeaderBytes: number, lenient: number): void
  execute(buffer: Buffer): number | (Error & { readonly code: string })
  finish(): Error | undefined
  [callback: number]: (...values: never[]) => unknown
}
interface ParserClass {
  new (): Parser
  readonly RESPONSE: number
  readonly kLenientSpacesAfterChunkSize: number
  readonly kOnHeaders: number
  readonly kOnHeadersComplete: number
  readonly kOnBody: number
  readonly kOnMessageComplete: number
}

// The only access to the parser without a socket, and without the checks that node:http adds.
const { HTTPParser }: { HTTPParser: ParserClass } = createRequire(import.meta.url)('_http_common')

/** High, so that only our own limit on heads applies. */
const MAX_HEADER_BYTES = 1_000_000

/** Blanks behind the size of a chunk are read over, as our reader does. */
const LENIENT = HTTPParser.kLenientSpacesAfterChunkSize

/** Reads with llhttp, Node's parser, in its strict mode but for {@link LENIENT}. */
export class LlhttpReader {
  readonly #parser = new HTTPParser()
  #skipsBody = false
  #headers: string[] = []
  #interims: Interim[] = []
  #trailers: string[] = []
  #status = 0
  #persistent = false
  #body = ''
  #isWhole = false

  constructor() {
    const parser = this.#parser
    // Is called before the head is whole when it has many lines, and for trailers.
    parser[HTTPParser.kOnHeaders] = (lines: string[]) => {
      if (this.#status === 0) this.#headers.push(...lines)
      else if (!this.#isWhole) this.#trailers.push(...lines)
    }
    parser[HTTPParser.kOnHeadersComplete] = (
      _major: number,
      _minor: number,
      lines: string[] | undefined,
      _method: unknown,
      _url: unknown,
      status: number,
      _reason: string,
      _upgrade: boolean,
      persistent: boolean,
    ) => {
      // Ignores what follows the answer.
      if (this.#isWhole) return 0
      if (status < 200 && status !== 101) {
        this.#interims.push({ status, headers: withoutHopByHop([...this.#headers, ...(lines ?? [])]) })
        this.#headers = []
        return 0
      }
      this.#status = status
      if (lines) this.#headers.push(...lines)
      this.#persistent = persistent
      return this.#skipsBody ? 1 : 0
    }
    parser[HTTPParser.kOnBody] = (piece: Buffer) => {
      if (!this.#isWhole) this.#body += piece.toString('latin1')
    }
    parser[HTTPParser.kOnMessageComplete] = () => {
      if (this.#status !== 0) this.#isWhole = true
    }
  }

  /**
   * @param bytes latin1; the connection ends behind them
   * @param supposedEnd where another reader saw the end of the answer. llhttp reads on behind the end and does not
   *   report it, so the last byte before this index is fed to it separately.
   */
  read(method: string, bytes: string, supposedEnd: number): Reading {
    this.#parser.initialize(HTTPParser.RESPONSE, {}, MAX_HEADER_BYTES, LENIENT)
    this.#skipsBody = method === 'HEAD'
    this.#headers = []
    this.#interims = []
    this.#trailers = []
    this.#status = 0
    this.#persistent = false
    this.#body = ''
    this.#isWhole = false

    const buffer = Buffer.from(bytes, 'latin1')
    const last = Math.max(supposedEnd - 1, 0)
    let reason = ''
    let end = -1
    for (const [from, to] of [
      [0, last],
      [last, last + 1],
      [last + 1, buffer.length],
    ] as const) {
      if (from >= to) continue
      reason = this.#execute(buffer.subarray(from, to))
      if (this.#isWhole) end = to
      if (this.#isWhole || reason !== '') break
    }
    if (end === -1 && reason === '') {
      // An error here means that the answer was truncated.
      this.#parser.finish()
      if (this.#isWhole) end = buffer.length
    }
    return {
      outcome: end !== -1 ? 'whole' : reason !== '' ? 'refused' : 'partial',
      reason,
      status: this.#status,
      headers: withoutHopByHop(this.#headers),
      interims: this.#interims,
      connectionOptions: connectionOptionsOf(this.#headers),
      trailers: end === -1 ? [] : this.#trailers,
      persistent: this.#persistent,
      body: this.#body,
      end,
    }
  }

  /** @returns the code of the parser's error; empty when there was none */
  #execute(bytes: Buffer): string {
    const parsed = this.#parser.execute(bytes)
    return typeof parsed === 'number' ? '' : parsed.code
  }
}
