import { isUtf8 } from 'node:buffer'
import { hash, randomBytes } from 'node:crypto'
import type { Identity } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { takeHeader } from '../../internal/http/header-lines.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import type { PasswordHash } from '../../internal/password-hash.ts'
import { AcceptedCredentials } from './accepted-credentials.ts'
import type { Authenticator } from './authenticator.ts'
import { isPassword, passwordLike } from './password.ts'

export interface BasicUser {
  readonly password: PasswordHash
  readonly identity: Identity
}

export interface BasicAuthenticatorOptions {
  readonly users: ReadonlyMap<string, BasicUser>
  /** How many accepted credentials are remembered; 0 = none. */
  readonly cacheSize: number
  /** Default: scrypt. */
  readonly isPassword?: typeof isPassword
}

const MAX_CREDENTIALS_BYTES = 1_024
/** Each check takes 16 MiB and one of libuv's four threads, which files and DNS look-ups need as well. */
const MAX_CHECKS = 2
const MAX_WAITING = 32

/**
 * Creates the authenticator for users and passwords (RFC 7617). Accepted credentials are remembered by a salted hash
 * that is worthless outside this process. All others cost a run of scrypt, so only a few are checked at a time.
 * Credentials are never forwarded.
 */
export function createBasicAuthenticator(options: BasicAuthenticatorOptions): Authenticator {
  const { users, cacheSize, isPassword: check = isPassword } = options
  const accepted = new AcceptedCredentials<Identity>(cacheSize)
  const [first] = users.values()
  const nobody = first && passwordLike(first.password)
  const salt = randomBytes(16).toString('hex')
  /** Checks in flight, by credentials: one client often sends several requests at once. */
  const checking = new Map<string, Promise<Identity>>()
  const waiting: (() => void)[] = []
  let checks = 0

  async function verify(credentials: string): Promise<Identity> {
    const { name, password } = decode(credentials)
    const user = users.get(name)
    await turn()
    try {
      const against = user?.password ?? nobody
      const isRight = against !== undefined && (await check(password, against))
      if (user && isRight) return user.identity
    } finally {
      const next = waiting.shift()
      if (next) next()
      else checks--
    }
    throw refusal(user ? 'the password is wrong' : 'the user is unknown')
  }

  /** Takes a free slot for a check, or waits for one to be handed on, so that nobody takes it in between. */
  async function turn(): Promise<void> {
    if (checks < MAX_CHECKS) checks++
    else await new Promise<void>(resolve => waiting.push(resolve))
  }

  function identify(credentials: string): Identity | Promise<Identity> {
    const id = hash('sha256', salt + credentials, 'hex')
    const known = accepted.get(id) ?? checking.get(id)
    if (known) return known
    if (waiting.length >= MAX_WAITING) {
      throw new GatewayError('WG_OVERLOADED', {
        cause: new Error('too many password checks are waiting'),
        headers: { 'retry-after': '1' },
      })
    }
    const verified = verify(credentials)
      .then(identity => {
        accepted.add(id, identity)
        return identity
      })
      .finally(() => checking.delete(id))
    checking.set(id, verified)
    return verified
  }

  return {
    challenge: CHALLENGE,
    authenticate(head: RequestHead): Identity | Promise<Identity> {
      const { authorization = '' } = head
      if (authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) {
        throw new GatewayError('WG_TOKEN_MISSING', {
          detail: 'This route needs a user and a password.',
          headers: HEADERS,
        })
      }
      if (head.authorizationCount > 1) throw refusal('more than one Authorization header')
      if (authorization.length > MAX_CREDENTIALS_BYTES) throw refusal('the credentials are too long')
      // RFC 9110 section 11.4 allows any number of spaces.
      const identity = identify(authorization.slice(SCHEME.length).replace(/^ +/, ''))
      // Before the result is known: no node sees them either way.
      takeHeader(head.headers, 'authorization')
      return identity
    },
    withhold(head: RequestHead): void {
      takeHeader(head.headers, 'authorization', /^basic(?:\s|$)/i)
    },
  }
}

const SCHEME = 'basic '
const CHALLENGE = 'Basic realm="waygate", charset="UTF-8"'
const HEADERS = { 'www-authenticate': CHALLENGE }

/** @throws GatewayError WG_TOKEN_INVALID */
function decode(credentials: string): { readonly name: string; readonly password: string } {
  const bytes = Buffer.from(credentials, 'base64')
  const colon = bytes.indexOf(':')
  if (bytes.toString('base64') !== credentials) throw refusal('the credentials are not canonical base64')
  if (colon === -1 || !isUtf8(bytes)) throw refusal('the credentials are not name:password in UTF-8')
  return { name: bytes.toString('utf8', 0, colon), password: bytes.toString('utf8', colon + 1) }
}

function refusal(reason: string): GatewayError {
  return new GatewayError('WG_TOKEN_INVALID', {
    detail: 'The user or the password was not accepted.',
    cause: new TypeError(reason),
    headers: HEADERS,
  })
}
