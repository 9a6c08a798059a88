import { isIP } from 'node:net'
import { claimPathProblem } from '../kit/claim-path.ts'
import { type Finding, notAddress, type Path, show, under } from '../kit/problem.ts'
import { isTakenInRequests } from '../policies/reserved-headers.ts'
import { findUnknownAuthenticators } from '../route/route-auth.ts'
import type { Config } from '../schema.ts'
import { configuredAuthenticators } from './route-context.ts'

/** Finds what the schema cannot express about authentication: addresses, claim paths, and fields that belong together. */
export function* findAuthProblems(config: Config): Generator<Finding> {
  const { jwt, apiKeys, routes } = config
  yield* registryProblems(config)
  const keyHeader = apiKeys.header.toLowerCase()
  if (keyHeader === 'authorization' || isTakenInRequests(keyHeader)) {
    yield { path: ['apiKeys', 'header'], message: `must be a header of its own, not ${show(apiKeys.header)}` }
  }
  for (const [id, { auth }] of Object.entries(routes.documents)) {
    const unknown = findUnknownAuthenticators(auth, configuredAuthenticators(config))
    yield* under(['routes', 'documents', id, 'auth'], unknown)
  }
  yield* claimPathProblems(jwt, ['jwt'])
  for (const path of Object.keys(jwt.claimHeaders)) {
    yield* claimPathProblem(path, ['jwt', 'claimHeaders', path])
  }
  yield* claimHeaderProblems(config)
  yield* formerKeyProblems(jwt, ['jwt'])
  const known = new Map<string, string>()
  const hasKey = [jwt.secret, jwt.secretFile, jwt.publicKeyFile].some(key => key !== undefined)
  if (hasKey) for (const name of [jwt.issuer ?? []].flat()) known.set(name, 'jwt.issuer')
  for (const [index, issuer] of jwt.issuers.entries()) {
    const at = ['jwt', 'issuers', index]
    const other = known.get(issuer.issuer)
    if (other !== undefined) {
      yield { path: [...at, 'issuer'], message: `is already the issuer of ${other}` }
    }
    known.set(issuer.issuer, `jwt.issuers[${index}]`)
    yield* keyProblems(issuer, at)
    yield* formerKeyProblems(issuer, at)
    yield* claimPathProblems(issuer, at)
  }
}

/** What clients send in the header of a claim is removed, whatever it was for. */
function* claimHeaderProblems({ jwt, apiKeys }: Config): Generator<Finding> {
  const hasOtherPlace = jwt.cookie !== undefined || jwt.queryParameter !== undefined
  for (const [claim, header] of Object.entries(jwt.claimHeaders)) {
    const name = header.toLowerCase()
    const isOfTokens = name === 'authorization' && !hasOtherPlace
    const isOfKeys = apiKeys.enabled && name === apiKeys.header.toLowerCase()
    if (!isOfTokens && !isOfKeys && !isTakenInRequests(name)) continue
    const path = ['jwt', 'claimHeaders', claim]
    yield { path, message: `must be a header of its own, not ${show(header)}` }
  }
}

/** API keys and revocations are in etcd. */
function* registryProblems({ jwt, apiKeys, discovery }: Config): Generator<Finding> {
  if (discovery.registry !== 'file') return
  const message = 'needs etcd, but discovery.registry is "file"'
  if (apiKeys.enabled) yield { path: ['apiKeys', 'enabled'], message }
  if (jwt.revocations.enabled) yield { path: ['jwt', 'revocations', 'enabled'], message }
}

type Issuer = Config['jwt']['issuers'][number]

const FORMER_KEY_FIELDS = ['secret', 'secretFile', 'publicKeyFile'] as const

/** A former key is one key, and there is a present one that tokens are signed with. */
function* formerKeyProblems(of: Config['jwt'] | Issuer, where: Path): Generator<Finding> {
  if (of.previous.length > 0 && FORMER_KEY_FIELDS.every(field => of[field] === undefined)) {
    const message =
      'jwksUrl' in of
        ? 'must not be set together with jwksUrl: the key set itself says which keys count'
        : `needs a present key: set one of ${FORMER_KEY_FIELDS.join(', ')} beside it`
    yield { path: [...where, 'previous'], message }
  }
  for (const [index, key] of of.previous.entries()) {
    const at = [...where, 'previous', index]
    yield* oneKey(key, FORMER_KEY_FIELDS, at)
    if (key.until !== undefined && Number.isNaN(Date.parse(key.until)))
      yield { path: [...at, 'until'], message: 'is not an existing date and time' }
  }
}

const KEY_FIELDS = [...FORMER_KEY_FIELDS, 'jwksUrl'] as const

function* keyProblems(issuer: Issuer, at: Path): Generator<Finding> {
  yield* oneKey(issuer, KEY_FIELDS, at)
  if (issuer.jwksUrl === undefined) return
  const path = [...at, 'jwksUrl']
  const url = URL.parse(issuer.jwksUrl)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    yield { path, message: `must be an https URL${notAddress(issuer.jwksUrl)}` }
  } else if (url.username !== '' || url.password !== '' || url.hash !== '') {
    yield { path, message: 'must be a URL without user and fragment' }
  } else if (url.protocol === 'http:' && !isLoopback(url.hostname.replace(/^\[|\]$/g, ''))) {
    yield {
      path,
      message:
        'must be https, because keys could be replaced on their way over http (only loopback may be http)',
    }
  }
  for (const [index, algorithm] of (issuer.algorithms ?? []).entries()) {
    if (!algorithm.startsWith('HS')) continue
    yield {
      path: [...at, 'algorithms', index],
      message: `${algorithm} needs a secret, but key sets are public`,
    }
  }
}

function* oneKey<Field extends string>(
  section: Readonly<Partial<Record<Field, unknown>>>,
  fields: readonly Field[],
  at: Path,
): Generator<Finding> {
  const [first, second] = fields.filter(field => section[field] !== undefined)
  if (first === undefined) yield { path: at, message: `needs a key: one of ${fields.join(', ')}` }
  else if (second !== undefined)
    yield { path: [...at, second], message: `must not be set together with ${first}` }
}

/** Whether only processes on this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function* claimPathProblems(
  section: { readonly rolesClaim?: string; readonly scopeClaim?: string },
  at: Path,
): Generator<Finding> {
  for (const field of ['rolesClaim', 'scopeClaim'] as const) {
    const path = section[field]
    if (path !== undefined) yield* claimPathProblem(path, [...at, field])
  }
}
