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
  /** Credentials that are remembered; 0 = none. */
  readonly cacheSize: number
  /** Default: with scrypt. */
  readonly isPassword?: typeof isPassword
}

const MAX_CREDENTIALS_BYTES = 1_024
/** Each takes a thread and 16 MiB; libuv has four threads, and files and names are looked up with them too. */
const MAX_CHECKS = 2
const MAX_WAITING = 32

/**
 * Knows users by name and password (RFC 7617). What was accepted is remembered, by a hash that is worth nothing outside
 * of this process; everything else costs scrypt, so no more than a few are checked at a time. The credentials are not
 * forwarded.
 */
export function createBasicAuthenticator(options: BasicAuthenticatorOptions): Authenticator {
  const { users, cacheSize, isPassword: check = isPassword } = options
  const accepted = new AcceptedCredentials<Identity>(cacheSize)
  const [first] = users.values()
  const nobody = first && passwordLike(first.password)
  const salt = randomBytes(16).toString('hex')
  /** By what is sent: several requests of one client come at once. */
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
      checks--
      waiting.shift()?.()
    }
    throw refusal(user ? 'the password is wrong' : 'there is no such user')
  }

  /** Resolves when a password may be checked. */
  async function turn(): Promise<void> {
    while (checks >= MAX_CHECKS) await new Promise<void>(resolve => waiting.push(resolve))
    checks++
  }

  function identify(credentials: string): Identity | Promise<Identity> {
    const id = hash('sha256', salt + credentials, 'hex')
    const known = accepted.get(id) ?? checking.get(id)
    if (known) return known
    if (waiting.length >= MAX_WAITING) {
      throw new GatewayError('WG_OVERLOADED', {
        cause: new Error('too many passwords are waiting to be checked'),
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
      // Whatever comes of it, no node is told.
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
