import { isRecoverableError } from 'etcd3'
import { type Logger, silentLogger } from '../logger.ts'
import { type Clock, sleep, systemClock } from './clock.ts'
import { hasNoUsers, NO_TOKEN_MESSAGE, plainReason } from './etcd-errors.ts'

/** The credential of a call. `token` is undefined when etcd has no users. */
export interface EtcdCredential {
  readonly token: string | undefined
}

export interface AuthTokensOptions {
  readonly user: string
  /** Asks etcd for a token. Must settle within seconds. */
  readonly authenticate: () => Promise<string>
  readonly logger?: Logger | undefined
  readonly clock?: Clock | undefined
  readonly random?: (() => number) | undefined
}

/** There is no token. The message says why, for people, and never contains the password. */
export class NoTokenError extends Error {
  /** True when etcd did not answer; false when it answered and refused a token. */
  readonly unreachable: boolean

  constructor(
    reason: string,
    { unreachable = false, cause }: { unreachable?: boolean; cause?: unknown } = {},
  ) {
    super(`${NO_TOKEN_MESSAGE}${reason}`, { cause })
    this.unreachable = unreachable
  }
}

/** Pauses after a request for a token that etcd refuses. Each request costs etcd about 75 ms of one core. */
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 1_000
/** A token that etcd rejects within this time counts as a refusal. */
const YOUNG_MS = 1_000

/**
 * Holds the current token of one user, which all calls share. It requests the first token when a call needs
 * one, and another when etcd has rejected the current one. It makes one request at a time, and waits for a
 * pause after each refusal.
 */
export class AuthTokens {
  readonly #user: string
  readonly #authenticate: () => Promise<string>
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #random: () => number
  #credential: EtcdCredential | undefined
  #givenAt = 0
  #asking: Promise<void> | undefined
  #refusal = new NoTokenError('')
  #refusals = 0
  #notBefore = Number.NEGATIVE_INFINITY
  #hasUsers = true

  constructor(options: AuthTokensOptions) {
    this.#user = options.user
    this.#authenticate = options.authenticate
    this.#logger = options.logger ?? silentLogger
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? Math.random
  }

  /** The current credential; undefined when there is none yet. */
  get present(): EtcdCredential | undefined {
    return this.#credential
  }

  /**
   * Returns the current credential, or requests one when there is none.
   *
   * @param patienceMs how long to wait for a pause to end
   * @throws NoTokenError when etcd gave no token, or when a pause takes longer than `patienceMs`
   */
  async get(patienceMs: number, signal: AbortSignal): Promise<EtcdCredential> {
    const until = this.#clock.now() + patienceMs
    for (;;) {
      if (this.#credential) return this.#credential
      const now = this.#clock.now()
      if (this.#notBefore <= now) {
        this.#asking ??= this.#ask()
        await this.#asking
      } else if (until <= now || signal.aborted) {
        throw this.#refusal
      } else {
        await sleep(this.#clock, Math.min(this.#notBefore, until) - now, signal)
      }
    }
  }

  /** Discards `credential`, because etcd has rejected it. */
  forget(credential: EtcdCredential): void {
    // Another call may have discarded it already, and there is a new one.
    if (credential !== this.#credential) return
    this.#credential = undefined
    if (this.#clock.now() - this.#givenAt > YOUNG_MS) this.#refusals = 0
    else this.#pause(new NoTokenError(': it rejects the tokens that it issues'))
  }

  async #ask(): Promise<void> {
    try {
      this.#credential = { token: await this.#authenticate() }
      this.#setHasUsers(true)
    } catch (error) {
      if (!hasNoUsers(error)) throw this.#translate(error as Error)
      this.#credential = { token: undefined }
      this.#setHasUsers(false)
    } finally {
      this.#givenAt = this.#clock.now()
      this.#asking = undefined
    }
  }

  #translate(cause: Error): NoTokenError {
    const unreachable = isRecoverableError(cause)
    const reason = ` for user ${JSON.stringify(this.#user)}: ${plainReason(cause.message)}`
    const error = new NoTokenError(reason, { unreachable, cause })
    if (!unreachable) this.#pause(error)
    return error
  }

  #pause(refusal: NoTokenError): void {
    this.#refusal = refusal
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#refusals++)
    this.#notBefore = this.#clock.now() + longest * (0.5 + this.#random() / 2)
  }

  #setHasUsers(hasUsers: boolean): void {
    if (hasUsers === this.#hasUsers) return
    this.#hasUsers = hasUsers
    const about = { user: this.#user }
    if (hasUsers) this.#logger.info(about, 'etcd authentication was enabled; using a token')
    else this.#logger.warn(about, 'etcd authentication is not enabled; continuing without a token')
  }
}
