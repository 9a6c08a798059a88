import { describeAuth } from '../../config/route/describe-route.ts'
import type { Config } from '../../config/schema.ts'
import type { Call } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { Exchange } from '../../internal/policy.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { Authenticators } from '../../middleware/auth/authenticator.ts'
import { authorize } from '../../middleware/auth/authorize.ts'
import type { createClaimReader } from '../../middleware/auth/claims.ts'
import { takeTokens } from '../../middleware/auth/token-places.ts'
import { matchRoute } from '../../middleware/request/match-route.ts'
import type { ExplainQuestion } from '../../routes/admin/explain.ts'
import { isOpenMethod } from '../../wrappers/grpc/grpc-calls.ts'
import { type ExplainNotes, Stop } from './explain-notes.ts'
import { headBytesOf } from './explain-request.ts'
import type { LivePolicies } from './live-policies.ts'
import type { LiveTable } from './live-table.ts'
import type { NamedPolicy } from './route-plan.ts'
import type { Transcoding } from './transcoding.ts'

/** A request on its way through the steps, with what is noted of it. */
export interface ExplainedRequest {
  readonly question: ExplainQuestion
  readonly exchange: Exchange
  readonly notes: ExplainNotes
}

/** What the configuration asks of every head. */
export async function takeHead(
  { question, exchange, notes }: ExplainedRequest,
  config: Config,
): Promise<void> {
  const { call } = exchange
  const act = () => {
    if (headBytesOf(question) > config.clientLimits.headerBytes)
      throw new GatewayError('WG_HEADERS_TOO_LARGE')
    if (exchange.refusal) throw exchange.refusal
  }
  await notes.take('request', act, () => `${call.method} ${call.target}`)
}

/** Finds the route of a request, and its policies as they are now: after a step that waits, it may have others. */
export async function takeRoute(
  { exchange, notes }: ExplainedRequest,
  table: Pick<LiveTable, 'routeTable'>,
  policies: Pick<LivePolicies, 'policiesOf' | 'planOf'>,
): Promise<{ readonly route: Route; readonly chain: readonly NamedPolicy[] }> {
  const act = () => {
    const route = matchRoute(table.routeTable(), exchange)
    exchange.call.route = route
    const chain = policies.policiesOf(route)
    exchange.plan = route.policies === undefined ? undefined : policies.planOf(route)
    if (route.isBroken) exchange.plan!.onRequest[0]!(exchange)
    return { route, chain }
  }
  return notes.take('route', act, ({ route: { id, origin, path } }) => `${id} (${origin}): ${path}`)
}

export async function takePolicies(
  { exchange, notes }: ExplainedRequest,
  chain: readonly NamedPolicy[],
  hook: 'onRequest' | 'onAuthorized',
): Promise<void> {
  const { call } = exchange
  for (const { name, policy } of chain) {
    const step = policy[hook]
    if (!step) continue
    const { variant, observed: { length: before } = [] } = call
    const answer = await notes.take(
      name,
      () => step(exchange),
      result => {
        if (result !== undefined) return `answers ${result.status}`
        if (call.variant !== variant) return variantText(call)
        return (call.observed?.length ?? 0) > before ? 'would refuse, but is not enforced' : 'passes'
      },
    )
    if (answer === undefined) continue
    answer.discard()
    throw new Stop({ status: answer.status })
  }
}

function variantText({ variant, variantWanted }: Call): string {
  return variantWanted === undefined
    ? `the variant is ${variant}`
    : `the variant is ${variant}, because no node of ${variantWanted} can be used`
}

/** Verifies the credentials if the question says so. Otherwise the claims that it gives are taken for true. */
export async function takeAuth(
  { question, exchange, notes }: ExplainedRequest,
  route: Route,
  { jwt }: Config,
  authenticators: Authenticators,
  readIdentity: ReturnType<typeof createClaimReader>,
): Promise<void> {
  const { call, head } = exchange
  const asked = JSON.stringify(describeAuth(route))
  if (route.auth.type === 'none') {
    notes.add('auth', 'asks for no credentials')
  } else if (question.verify) {
    call.identity = await notes.take(
      'auth',
      () => authorize(route, head, call, authenticators),
      identity =>
        `asks for ${asked}, which the credentials given meet; the user is ${identity?.subject ?? 'not named'}`,
    )
  } else {
    withhold(route, exchange, jwt)
    if (question.claims === undefined) {
      notes.add('auth', `asks for ${asked}, which is not judged here: give claims to have them judged`)
      return
    }
    const identity = readIdentity(question.claims)
    const assumed = { challenge: '', authenticate: () => identity, withhold: () => {} }
    const all = { jwt: assumed, 'api-key': assumed, basic: assumed, mtls: assumed }
    call.identity = await notes.take(
      'auth',
      () => authorize(route, head, call, all),
      () => `asks for ${asked}, which the claims given meet`,
    )
  }
}

/** Takes out the tokens that are not for nodes, as authentication does. */
function withhold(route: Route, { call, head }: Exchange, jwt: Config['jwt']): void {
  const rules = route.auth.type === 'any' ? route.auth.rules : [route.auth]
  if (rules.some(({ type }) => type === 'jwt')) takeTokens(head, call, jwt)
}

/** Finds the gRPC call that a request makes. Resolves with false where it makes none. */
export async function takeCall(
  { exchange, notes }: ExplainedRequest,
  { grpc }: Config,
  methodOf: Transcoding['methodOf'],
): Promise<boolean> {
  const outgoing = exchange.outgoing!
  if (exchange.isWebSocket) return false
  const isPlain = outgoing.rpc === undefined
  const act = () => {
    const method = outgoing.rpc?.method ?? methodOf(outgoing)
    if (method !== undefined && !isOpenMethod(outgoing.route, method, grpc.auto))
      throw new GatewayError('WG_NO_METHOD')
    return method
  }
  const method = await notes.take('grpc', act, found =>
    found === undefined ? undefined : `${isPlain ? 'JSON becomes the call' : 'the call'} ${found}`,
  )
  return method !== undefined
}

export async function takeBody(
  { exchange, notes }: ExplainedRequest,
  route: Route,
  { clientLimits }: Config,
): Promise<void> {
  const maxBytes = route.maxBodyBytes ?? clientLimits.bodyBytes
  const bytes = Number(exchange.head.contentLength ?? 0)
  await notes.take(
    'body',
    () => {
      if (maxBytes > 0 && bytes > maxBytes) throw new GatewayError('WG_BODY_TOO_LARGE')
    },
    () => (maxBytes > 0 ? `may have up to ${maxBytes} bytes` : 'may have any length'),
  )
}
