import type { Call, Identity } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { takeHeader } from '../../internal/http/header-lines.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import type { AuthenticatorName, AuthRule } from '../../internal/routing/route.ts'
import { grant, identify } from './auth-rule.ts'
import type { Authenticators } from './authenticator.ts'

/** What an authenticator said of this request: asked twice, it would not find again what it has taken out. */
type Verdicts = Map<AuthenticatorName, Identity | GatewayError>

/**
 * Who a request speaks for by the first of several rules that it meets; what it shows for the other ways is taken out.
 * When it meets none, the refusal is the one that came nearest: known but not granted, then not accepted, then nothing
 * shown at all; and it names every way that there is.
 *
 * @throws GatewayError as `authorize` does
 */
export function authorizeAny(
  rules: readonly AuthRule[],
  head: RequestHead,
  call: Call,
  authenticators: Authenticators,
): Identity | Promise<Identity> {
  const verdicts: Verdicts = new Map()
  let nearest: GatewayError | undefined

  function refused(error: unknown): void {
    if (!(error instanceof GatewayError)) throw error
    if (nearest === undefined || nearness(error) > nearness(nearest)) nearest = error
  }

  /** Of those from `index` on. Synchronous until one of them needs time. */
  function tryFrom(index: number): Identity | Promise<Identity> {
    for (let i = index; i < rules.length; i++) {
      const rule = rules[i]!
      try {
        const known = verdicts.get(rule.type) ?? identify(rule, head, call, authenticators)
        if (known instanceof Promise) return later(known, i)
        if (known instanceof GatewayError) throw known
        verdicts.set(rule.type, known)
        const identity = grant(rule, known)
        withholdOthers(rule.type)
        return identity
      } catch (error) {
        refused(error)
        if (!verdicts.has(rule.type)) verdicts.set(rule.type, error as GatewayError)
      }
    }
    throw withEveryChallenge(nearest!, rules, authenticators)
  }

  function withholdOthers(counted: AuthenticatorName): void {
    for (const { type } of rules) {
      if (type === counted) continue
      const other = authenticators[type]
      if (other) other.withhold(head, call)
      // Without a key for tokens, nothing else would keep them from the node.
      else if (type === 'jwt') takeHeader(head.headers, 'authorization')
    }
  }

  async function later(asked: Promise<Identity>, index: number): Promise<Identity> {
    verdicts.set(
      rules[index]!.type,
      await asked.catch((error: unknown) => {
        if (error instanceof GatewayError) return error
        throw error
      }),
    )
    return tryFrom(index)
  }

  return tryFrom(0)
}

/** The further a request came, the more its refusal tells. */
function nearness({ code }: GatewayError): number {
  switch (code) {
    case 'WG_TOKEN_MISSING':
      return 0
    case 'WG_TOKEN_INVALID':
      return 1
    case 'WG_TOKEN_EXPIRED':
      return 2
    case 'WG_FORBIDDEN':
      return 3
    // Had it been judged, it might have been let in.
    default:
      return 4
  }
}

/** A client that showed nothing is told of all ways (RFC 9110 section 11.6.1). */
function withEveryChallenge(
  error: GatewayError,
  rules: readonly AuthRule[],
  authenticators: Authenticators,
): GatewayError {
  if (error.code !== 'WG_TOKEN_MISSING') return error
  const challenges = new Set(rules.flatMap(({ type }) => authenticators[type]?.challenge ?? []))
  return new GatewayError('WG_TOKEN_MISSING', {
    detail: 'This route needs credentials.',
    headers: { 'www-authenticate': [...challenges].join(', ') },
  })
}
