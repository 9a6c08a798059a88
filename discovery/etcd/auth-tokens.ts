import { isRecoverableError } from 'etcd3'
import { type Logger, silentLogger } from '../logger.ts'
import { hasNoUsers, NO_TOKEN_MESSAGE } from './auth-errors.ts'
import { type Clock, sleep, systemClock } from './clock.ts'
import { plainReason } from './error-text.ts'

/** What a call carries to say whose it is; `token` is undefined with an etcd that has no users. */
export interface EtcdCredential {
  readonly token: string | undefined
}

export interface AuthTokensOptions {
  readonly user: string
  /** Asks etcd for a token, within seconds. */
  readonly authenticate: () => Promise<string>
  readonly logger?: Logger | undefined
  readonly clock?: Clock | undefined
  readonly random?: (() => number) | undefined
}

/** Why there is no token, in words for people; never with the password. */
export class NoTokenError extends Error {
  /** Whether nobody answered; otherwise etcd did, and gave none. */
  readonly unreachable: boolean

  constructor(
    reason: string,
    { unreachable = false, cause }: { unreachable?: boolean; cause?: unknown } = {},
  ) {
    super(`${NO_TOKEN_MESSAGE}${reason}`, { cause })
    this.unreachable = unreachable
  }
}

/** Between two questions that etcd answers with a refusal: it spends some 75 ms of one core on each. */
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 1_000
/** A token that is refused at this age or younger is no better than none. */
const YOUNG_MS = 1_000

/**
 * The tokens of one user, of which the present one is shared by all calls. Asks for the first when a call
 * needs it, and for another when etcd has refused that; one question at a time, and after a refusal not
 * before a pause is over.
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

  /** What a call can carry right now. */
  get present(): EtcdCredential | undefined {
    return this.#credential
  }

  /**
   * A credential, asked for when there is none.
   *
   * @param patienceMs how long to wait for the end of a pause
   * @throws NoTokenError when etcd gave none, or had refused and the pause takes longer
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

  /** Says that etcd did not accept `credential`. */
  forget(credential: EtcdCredential): void {
    // Another call may have said so already, and there is a new one.
    if (credential !== this.#credential) return
    this.#credential = undefined
    if (this.#clock.now() - this.#givenAt > YOUNG_MS) this.#refusals = 0
    else this.#pause(new NoTokenError(': it does not accept those that it gives'))
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
    if (hasUsers) this.#logger.info(about, 'etcd has users now; going on with a token')
    else
      this.#logger.warn(about, 'etcd has no users (authentication is not enabled); going on without a token')
  }
}
