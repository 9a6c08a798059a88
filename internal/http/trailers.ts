import { FRAMING_FIELDS, TOKEN, TRUSTED_FIELDS } from './header-lines.ts'
import { memoizeNames } from './memoize-names.ts'

/** The most fields of one trailer section. A longer section is dropped as a whole, because a part of it could mislead. */
const MAX_FIELDS = 64

/**
 * Fields that must not be trailers, in lower case: they frame or route a message, control how it is processed, carry
 * credentials, or are set by the gateway alone (RFC 9110 section 6.5.1).
 */
const FORBIDDEN = new Set([
  ...FRAMING_FIELDS,
  ...TRUSTED_FIELDS,
  ...['client-cert', 'client-cert-chain', 'host', 'http2-settings'],
  ...['authorization', 'cookie', 'set-cookie', 'www-authenticate'],
  ...['age', 'cache-control', 'date', 'expires', 'location', 'max-forwards', 'pragma', 'range'],
  ...['retry-after', 'vary', 'warning'],
])
/** Content-Digest is made for trailers: it can only be computed once the content is known (RFC 9530 section 2). */
const FORBIDDEN_BEGINNING =
  /^(?:access-control-|content-(?!digest$)|if-|proxy-|sec-|x-client-cert|x-forwarded-|x-waygate-)/

/** Decides which trailers of one side are passed on to the other. */
export class TrailerFilter {
  readonly #mayPass: (spelling: string) => boolean

  /** @param ownNames further names, in lower case, that only the gateway may set */
  constructor(ownNames: Iterable<string> = []) {
    const own = new Set(ownNames)
    this.#mayPass = memoizeNames(spelling => {
      // A server behind us could take the spelling with `_` for the name with `-`.
      const name = spelling.toLowerCase().replaceAll('_', '-')
      return !FORBIDDEN.has(name) && !own.has(name) && !FORBIDDEN_BEGINNING.test(name)
    })
  }

  /**
   * Returns a copy of the trailers with the fields that may be passed on; undefined when there are none.
   *
   * @param lines flat
   * @param connectionOptions names in lower case that Connection lists: they are removed from trailers as well
   *   (RFC 9110 section 7.6.1)
   */
  fields(lines: readonly string[], connectionOptions: ReadonlySet<string> | undefined): string[] | undefined {
    if (lines.length === 0 || lines.length > MAX_FIELDS * 2) return undefined
    const passed: string[] = []
    for (let i = 0; i < lines.length; i += 2) {
      if (this.#passes(lines[i]!, connectionOptions)) passed.push(lines[i]!, lines[i + 1]!)
    }
    return passed.length === 0 ? undefined : passed
  }

  /** Returns the names of a Trailer field that may be passed on; undefined when there are none. */
  names(value: string, connectionOptions: ReadonlySet<string> | undefined): string[] | undefined {
    const names = value.split(',').map(name => name.trim())
    if (names.length > MAX_FIELDS) return undefined
    const passed = names.filter(name => TOKEN.test(name) && this.#passes(name, connectionOptions))
    return passed.length === 0 ? undefined : passed
  }

  #passes(spelling: string, connectionOptions: ReadonlySet<string> | undefined): boolean {
    return this.#mayPass(spelling) && connectionOptions?.has(spelling.toLowerCase()) !== true
  }
}
