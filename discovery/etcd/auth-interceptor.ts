import {
  InterceptingCall,
  type InterceptingListener,
  type Interceptor,
  Metadata,
  type NextCall,
  type StatusObject,
  status,
} from '@grpc/grpc-js'
import type { AuthTokens, EtcdCredential, NoTokenError } from './auth-tokens.ts'
import { isTokenError, plainReason } from './etcd-errors.ts'

type Call = ReturnType<NextCall>
type CallOptions = Parameters<NextCall>[0]

const AUTHENTICATE = '/etcdserverpb.Auth/Authenticate'
/**
 * How long a call waits for a pause after a refusal: as long as the longest pause, but less than callers
 * wait.
 */
const PATIENCE_MS = 1_000
/** The part of a call's deadline that waiting for a token must leave over. */
const RESERVE_MS = 250

/**
 * Adds a token to every call, including streams. A token that etcd rejects is forgotten, and a unary call is
 * repeated once with a new token. That is safe, because a call without a valid token has no effect.
 */
export function createAuthInterceptor(tokens: AuthTokens): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(
      options.method_definition.path === AUTHENTICATE
        ? nextCall(options)
        : new AuthenticatedCall(options, nextCall, tokens),
    )
}

/**
 * A call that may have to wait for its token, and may have to be made twice. The caller's actions are
 * recorded until the call is made. Those of a unary call are kept for as long as it may have to be repeated.
 */
class AuthenticatedCall implements Call {
  readonly #options: CallOptions
  readonly #nextCall: NextCall
  readonly #tokens: AuthTokens
  readonly #isRepeatable: boolean
  readonly #waiting = new AbortController()
  #metadata = new Metadata()
  #listener: Partial<InterceptingListener> | undefined
  #call: Call | undefined
  #kept: ((call: Call) => void)[] = []
  #tries = 0
  #isCancelled = false
  #isOver = false

  constructor(options: CallOptions, nextCall: NextCall, tokens: AuthTokens) {
    this.#options = options
    this.#nextCall = nextCall
    this.#tokens = tokens
    const { requestStream, responseStream } = options.method_definition
    this.#isRepeatable = !requestStream && !responseStream
  }

  start(metadata: Metadata, listener?: Partial<InterceptingListener>): void {
    this.#metadata = metadata
    this.#listener = listener
    this.#begin()
  }

  sendMessage(message: unknown): void {
    this.#do(call => call.sendMessage(message))
  }

  sendMessageWithContext(context: Parameters<Call['sendMessageWithContext']>[0], message: unknown): void {
    this.#do(call => call.sendMessageWithContext(context, message))
  }

  startRead(): void {
    this.#do(call => call.startRead())
  }

  halfClose(): void {
    this.#do(call => call.halfClose())
  }

  cancelWithStatus(code: status, details: string): void {
    if (this.#call) this.#call.cancelWithStatus(code, details)
    else {
      this.#isCancelled = true
      // A caller expects its call to end after it has cancelled it, not during the cancellation.
      queueMicrotask(() => this.#end({ code, details, metadata: new Metadata() }))
    }
  }

  getPeer(): string {
    return this.#call?.getPeer() ?? 'unknown'
  }

  getAuthContext(): ReturnType<Call['getAuthContext']> {
    return this.#call?.getAuthContext() ?? null
  }

  #do(action: (call: Call) => void): void {
    if (this.#isRepeatable || !this.#call) this.#kept.push(action)
    if (this.#call) action(this.#call)
  }

  #begin(): void {
    const { present } = this.#tokens
    if (present) {
      this.#make(present)
      return
    }
    const deadline = this.#options.deadline ?? Number.POSITIVE_INFINITY
    const patienceMs = Math.min(PATIENCE_MS, Number(deadline) - Date.now() - RESERVE_MS)
    this.#tokens.get(patienceMs, this.#waiting.signal).then(
      credential => {
        if (!this.#isOver && !this.#isCancelled) this.#make(credential)
      },
      (error: NoTokenError) => {
        const code = error.unreachable ? status.UNAVAILABLE : status.UNAUTHENTICATED
        this.#end({ code, details: error.message, metadata: new Metadata() })
      },
    )
  }

  #make(credential: EtcdCredential): void {
    this.#tries++
    const metadata = this.#metadata.clone()
    if (credential.token !== undefined) metadata.set('token', credential.token)
    let call: Call
    try {
      call = this.#nextCall(this.#options)
    } catch (error) {
      // While this call waited, another one had its connection dropped. The next call on it throws.
      const details = (error as Error).message
      this.#end({ code: status.UNAVAILABLE, details, metadata: new Metadata() })
      return
    }
    this.#call = call
    call.start(metadata, {
      onReceiveMetadata: received => this.#listener?.onReceiveMetadata?.(received),
      onReceiveMessage: message => this.#listener?.onReceiveMessage?.(message),
      onReceiveStatus: received => this.#onStatus(received, credential),
    })
    for (const action of this.#kept) action(call)
    if (!this.#isRepeatable) this.#kept = []
  }

  #onStatus(received: StatusObject, credential: EtcdCredential): void {
    if (received.code === status.OK || !isTokenError(received.details)) {
      this.#end(received)
      return
    }
    this.#tokens.forget(credential)
    if (this.#isRepeatable && this.#tries === 1) {
      this.#call = undefined
      this.#begin()
      return
    }
    // With etcd's original text, etcd3 would repeat the call again and again without a pause.
    this.#end({ ...received, details: `etcd: ${plainReason(received.details)}` })
  }

  #end(received: StatusObject): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#waiting.abort()
    this.#kept = []
    this.#listener?.onReceiveStatus?.(received)
  }
}
