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
/** How often the dates are looked at. */
const CHECK_MS = 60_000

/**
 * The authorities of client certificates and what they have revoked, whose files are followed. OpenSSL accepts no certificate of an
 * authority whose list has expired, so that is told before. Its owner calls `close()`.
 */
export class LiveAuthorities {
  readonly #options: LiveAuthoritiesOptions
  readonly #now: () => number
  readonly #timer: NodeJS.Timeout | undefined
  #present: ClientAuthorities
  /** Why the present content of the files is not used. */
  #reason: string | undefined
  #warned: 'soon' | 'over' | undefined

  constructor(options: LiveAuthoritiesOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#present = options.authorities
    this.#warn()
    if (options.files.crl !== undefined) this.#timer = setInterval(() => this.#warn(), CHECK_MS).unref()
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
    const { ca, crl } = this.#options.files
    const problems: KeyProblem[] = []
    if (this.#reason !== undefined) problems.push({ key: ca, reason: this.#reason })
    const state = this.#stateOf(this.#present)
    if (crl !== undefined && state !== undefined) {
      const verb = state === 'over' ? 'expired' : 'expires'
      problems.push({ key: crl, reason: `the revocation list ${verb} at ${untilText(this.#present)}` })
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
    if (this.#stateOf(next) === 'over' && this.#stateOf(this.#present) !== 'over') {
      throw new Error(`${files.crl}: the revocation list expired at ${untilText(next)}`)
    }
    this.#present = next
    this.#warned = undefined
    logger.info(
      { ca: files.ca, crl: files.crl },
      'authorities of client certificates changed; sessions are no longer resumed',
    )
    this.#warn()
    onChange()
  }

  #warn(): void {
    const state = this.#stateOf(this.#present)
    if (state === undefined || state === this.#warned) return
    this.#warned = state
    this.#options.logger.warn(
      { crl: this.#options.files.crl, validUntil: untilText(this.#present) },
      state === 'over'
        ? 'revocation list has expired; client certificates of its authority are not accepted'
        : 'revocation list expires soon',
    )
  }

  #stateOf({ revocationDates: dates }: ClientAuthorities): 'soon' | 'over' | undefined {
    if (dates === undefined) return undefined
    const leftMs = dates.validUntil - this.#now()
    if (leftMs <= 0) return 'over'
    return leftMs <= (dates.validUntil - dates.madeAt) * WARNED_SHARE ? 'soon' : undefined
  }
}

function untilText({ revocationDates }: ClientAuthorities): string {
  return new Date(revocationDates!.validUntil).toISOString()
}
