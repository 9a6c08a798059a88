import type { Logger } from 'pino'
import { readWhileRunning } from '../../config/keys/file-contents.ts'
import { type ClientAuthorities, readClientAuthorities } from '../../config/keys/tls-keys.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import type { FollowedSet } from './followed-files.ts'

export interface LiveAuthoritiesOptions {
  readonly files: { readonly ca: string; readonly crl?: string | undefined }
  /** What `files` held at the start. */
  readonly authorities: ClientAuthorities
  readonly logger: Logger
  /** Called when others count. */
  readonly onChange: () => void
  /** Returns milliseconds since 1970. */
  readonly now?: () => number
}

/** A list is warned of when so much of its time is left. Authorities that take their time replace theirs at a tenth. */
const WARNED_SHARE = 1 / 20
/** An authority is warned of no earlier than that before its end. */
const MOST_WARNED_MS = 21 * 86_400_000
/** How often the dates are looked at. */
const CHECK_MS = 60_000

/** Something that ends, after which client certificates are not accepted. */
interface Ending {
  readonly of: 'ca' | 'crl'
  /** What ends, for people. No other ending has the same text. */
  readonly what: string
  /** Milliseconds since 1970. */
  readonly validUntil: number
  readonly warnedMs: number
}

const MESSAGES = {
  ca: {
    soon: 'authority of client certificates expires soon',
    over: 'authority of client certificates has expired; its certificates are not accepted',
  },
  crl: {
    soon: 'revocation list expires soon',
    over: 'revocation list has expired; client certificates of its authority are not accepted',
  },
} as const

/**
 * The authorities of client certificates and what they have revoked, whose files are followed. OpenSSL accepts no certificate of an
 * authority that has expired, or whose list has, so that is told before. Its owner calls `close()`.
 */
export class LiveAuthorities {
  readonly #options: LiveAuthoritiesOptions
  readonly #now: () => number
  readonly #timer: NodeJS.Timeout
  #present: ClientAuthorities
  /** Why the present content of the files is not used. */
  #reason: string | undefined
  /** What was warned of, and how. */
  readonly #warned = new Map<Ending['what'], 'soon' | 'over'>()

  constructor(options: LiveAuthoritiesOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#present = options.authorities
    this.#warn()
    this.#timer = setInterval(() => this.#warn(), CHECK_MS).unref()
  }

  get present(): ClientAuthorities {
    return this.#present
  }

  /** The files to follow. */
  get followed(): FollowedSet {
    const { ca, crl } = this.#options.files
    return {
      paths: crl === undefined ? [ca] : [ca, crl],
      readAgain: () => this.#replace(readClientAuthorities({ ca, crl }, readWhileRunning)),
      onProblem: reason => {
        this.#reason = reason
        if (reason === undefined) return
        this.#options.logger.warn(
          { reason },
          'authorities of client certificates cannot be used; keeping the last good ones',
        )
      },
    }
  }

  /** What is wrong, for people. */
  problems(): KeyProblem[] {
    const { files } = this.#options
    const problems: KeyProblem[] = []
    if (this.#reason !== undefined) problems.push({ key: files.ca, reason: this.#reason })
    for (const ending of endingsOf(this.#present)) {
      const state = this.#stateOf(ending)
      if (state === undefined) continue
      const verb = state === 'over' ? 'expired' : 'expires'
      problems.push({ key: files[ending.of]!, reason: `${ending.what} ${verb} at ${untilText(ending)}` })
    }
    return problems
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** @throws Error when the new list has expired, and the present one has not */
  #replace(next: ClientAuthorities): void {
    const { files, logger, onChange } = this.#options
    if (next.ca === this.#present.ca && next.crl === this.#present.crl) return
    const expired = this.#expiredList(next)
    if (expired !== undefined && this.#expiredList(this.#present) === undefined) {
      throw new Error(`${files.crl}: ${expired.what} expired at ${untilText(expired)}`)
    }
    this.#present = next
    this.#warned.clear()
    logger.info(
      { ca: files.ca, crl: files.crl },
      'authorities of client certificates changed; sessions are no longer resumed',
    )
    this.#warn()
    onChange()
  }

  #warn(): void {
    for (const ending of endingsOf(this.#present)) {
      const { of, what } = ending
      const state = this.#stateOf(ending)
      if (state === undefined || state === this.#warned.get(what)) continue
      this.#warned.set(what, state)
      const fields = { [of]: this.#options.files[of], what, validUntil: untilText(ending) }
      this.#options.logger.warn(fields, MESSAGES[of][state])
    }
  }

  #expiredList(authorities: ClientAuthorities): Ending | undefined {
    return endingsOf(authorities).find(ending => ending.of === 'crl' && this.#stateOf(ending) === 'over')
  }

  #stateOf({ validUntil, warnedMs }: Ending): 'soon' | 'over' | undefined {
    const leftMs = validUntil - this.#now()
    if (leftMs <= 0) return 'over'
    return leftMs <= warnedMs ? 'soon' : undefined
  }
}

function endingsOf({ authorityDates, revocationDates }: ClientAuthorities): Ending[] {
  const endings = authorityDates.map(({ name, validFrom, validUntil }): Ending => {
    const warnedMs = Math.min(MOST_WARNED_MS, (validUntil - validFrom) * WARNED_SHARE)
    return { of: 'ca', what: `the authority ${name}`, validUntil, warnedMs }
  })
  if (revocationDates === undefined) return endings
  const { madeAt, validUntil } = revocationDates
  const warnedMs = (validUntil - madeAt) * WARNED_SHARE
  return [...endings, { of: 'crl', what: 'the revocation list', validUntil, warnedMs }]
}

function untilText({ validUntil }: Ending): string {
  return new Date(validUntil).toISOString()
}
