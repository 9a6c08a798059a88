import { claimPathProblem } from './claim-path-problem.ts'
import { isLoopback } from './loopback.ts'
import { type Finding, type Path, show } from './problem.ts'
import type { Config } from './schema.ts'

/** What the schema cannot say of authentication: addresses, claim paths, and fields that go together. */
export function* findAuthProblems({ jwt }: Config): Generator<Finding> {
  yield* claimPathProblems(jwt, ['jwt'])
  for (const path of Object.keys(jwt.claimHeaders)) {
    yield* claimPathProblem(path, ['jwt', 'claimHeaders', path])
  }
  const known = new Map<string, string>()
  const hasKey = [jwt.secret, jwt.secretFile, jwt.publicKeyFile].some(key => key !== undefined)
  if (hasKey) for (const name of [jwt.issuer ?? []].flat()) known.set(name, 'jwt.issuer')
  for (const [index, issuer] of jwt.issuers.entries()) {
    const at = ['jwt', 'issuers', index]
    const other = known.get(issuer.issuer)
    if (other !== undefined) {
      yield { path: [...at, 'issuer'], message: `must not be an issuer that ${other} names too` }
    }
    known.set(issuer.issuer, `jwt.issuers[${index}]`)
    yield* keyProblems(issuer, at)
    yield* claimPathProblems(issuer, at)
  }
}

const KEY_FIELDS = ['secret', 'secretFile', 'publicKeyFile', 'jwksUrl'] as const

function* keyProblems(issuer: Config['jwt']['issuers'][number], at: Path): Generator<Finding> {
  const [first, second] = KEY_FIELDS.filter(field => issuer[field] !== undefined)
  if (first === undefined) {
    yield { path: at, message: `needs a key: one of ${KEY_FIELDS.join(', ')}` }
  } else if (second !== undefined) {
    yield { path: [...at, second], message: `must not be set together with ${first}` }
  }
  if (issuer.jwksUrl === undefined) return
  const path = [...at, 'jwksUrl']
  const url = URL.parse(issuer.jwksUrl)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    yield { path, message: `must be an https URL, not ${show(issuer.jwksUrl)}` }
  } else if (url.username !== '' || url.password !== '' || url.hash !== '') {
    yield { path, message: 'must be a URL without user and fragment' }
  } else if (url.protocol === 'http:' && !isLoopback(url.hostname.replace(/^\[|\]$/g, ''))) {
    yield {
      path,
      message:
        'must be https: over http, whoever is on the way could put in keys (loopback alone may be http)',
    }
  }
  for (const [index, algorithm] of (issuer.algorithms ?? []).entries()) {
    if (!algorithm.startsWith('HS')) continue
    yield {
      path: [...at, 'algorithms', index],
      message: `${algorithm} needs a secret, and key sets are public`,
    }
  }
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
