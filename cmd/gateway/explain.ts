import { closest } from '../../config/kit/closest.ts'
import { describeAuth } from '../../config/route/describe-route.ts'
import type { Config } from '../../config/schema.ts'
import type { Call } from '../../internal/call.ts'
import { MatchedRequest } from '../../internal/conditions.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { pathOf } from '../../internal/http/target.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import { type Peer, stateOf } from '../../internal/nodes/peer.ts'
import type { Exchange, Step } from '../../internal/policy.ts'
import { findCandidates } from '../../internal/routing/candidates.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { Authenticators } from '../../middleware/auth/authenticator.ts'
import { authorize } from '../../middleware/auth/authorize.ts'
import { createClaimReader } from '../../middleware/auth/claims.ts'
import { takeTokens } from '../../middleware/auth/token-places.ts'
import { createAddressTest } from '../../middleware/request/client-address.ts'
import { matchRoute } from '../../middleware/request/match-route.ts'
import { createOpenExchange, type OpenExchangeOptions } from '../../middleware/request/open-exchange.ts'
import type { ExplainNode, ExplainPage, ExplainQuestion, ExplainStep } from '../../routes/admin/explain.ts'
import type { DescribedRoute } from '../../routes/admin/page-types.ts'
import { completeHeaders, createOutgoing } from '../../routes/public/outgoing-request.ts'
import type { ReadRpc } from '../../routes/public/read-rpc.ts'
import { credentialHeaders } from './credential-headers.ts'
import { headBytesOf, NO_BODIES, toRequest } from './explain-request.ts'
import { secretsIn, shownHeaders, withoutSecrets } from './explain-secrets.ts'
import type { LivePolicies } from './live-policies.ts'
import type { LiveTable } from './live-table.ts'

/** The fields are read at each question: a reload may change what they say. */
export interface ExplainOptions {
  readonly config: Config
  readonly table: LiveTable
  readonly nodes: NodeTable
  readonly policies: Pick<LivePolicies, 'policiesOf' | 'planOf'>
  readonly readRpc: ReadRpc
  readonly authenticators: Authenticators
  readonly exchange: OpenExchangeOptions['settings']
  readonly isTrustedProxy: (address: string) => boolean
  readonly describeRoute: (route: Route) => DescribedRoute
}

/** Ends the steps of a request: it is refused or answered. */
class Stop extends Error {
  readonly answer: NonNullable<ExplainPage['wouldAnswer']>

  constructor(answer: NonNullable<ExplainPage['wouldAnswer']>) {
    super()
    this.answer = answer
  }
}

/**
 * Creates the function that says what would happen to a request. It takes the steps of the request path with the same
 * functions, and stops where the request would. It sends, charges, counts and moves nothing.
 */
export function createExplain(options: ExplainOptions): (question: ExplainQuestion) => Promise<ExplainPage> {
  const { table, nodes, policies, readRpc, isTrustedProxy, exchange: settings } = options
  const openExchange = createOpenExchange({
    bodies: NO_BODIES,
    settings: {
      // What is asked is no request, so it has no trace.
      get current() {
        return { ...settings.current, startTrace: undefined }
      },
    },
    isTrustedProxy,
    httpVersion: 1,
    onOpen: () => {},
    onClose: () => {},
  })

  return async question => {
    const { config } = options
    const secrets = new Set(credentialHeaders(config))
    const exchange: Exchange = { ...openExchange(...toRequest(question)), isDry: true }
    const { call, head } = exchange
    // Authentication takes tokens out of it.
    const asked = call.target
    const steps: ExplainStep[] = []
    const shown: ExplainNode[] = []
    let wouldAnswer: ExplainPage['wouldAnswer'] = null
    let chain: ReturnType<LivePolicies['policiesOf']> = []

    /** Notes what a step comes to. One that refuses or answers is the last. */
    async function take<T>(
      step: string,
      act: () => T | Promise<T>,
      tell: (result: T) => Omit<ExplainStep, 'step' | 'ok'>,
    ): Promise<T> {
      try {
        const result = await act()
        steps.push({ step, ok: true, ...tell(result) })
        return result
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error
        const { code, status, message, cause } = error
        const reason = cause instanceof Error ? cause.message : message
        steps.push({ step, ok: false, text: `${status} ${code}: ${reason}` })
        throw new Stop({ status, code })
      }
    }

    async function takePolicies(hook: 'onRequest' | 'onAuthorized'): Promise<void> {
      for (const { name, policy } of chain) {
        const step = policy[hook]
        if (step) await takePolicy(name, step)
      }
    }

    async function takePolicy(name: string, step: Step): Promise<void> {
      const before = call.observed?.length ?? 0
      const variant = call.variant
      const answer = await take(
        name,
        () => step(exchange),
        result => {
          if (result !== undefined) return { text: `answers ${result.status}` }
          if (call.variant !== variant) return { text: variantText(call) }
          return {
            text: (call.observed?.length ?? 0) > before ? 'would refuse, but is not enforced' : 'passes',
          }
        },
      )
      if (answer === undefined) return
      answer.discard()
      throw new Stop({ status: answer.status })
    }

    async function takeAuth(route: Route): Promise<void> {
      const asked = JSON.stringify(describeAuth(route))
      if (route.auth.type === 'none') {
        steps.push({ step: 'auth', ok: true, text: 'asks for no credentials' })
        return
      }
      if (question.verify) {
        call.identity = await take(
          'auth',
          () => authorize(route, head, call, options.authenticators),
          identity => ({
            text: `asks for ${asked}, which the credentials given meet; the user is ${identity?.subject ?? 'not named'}`,
          }),
        )
        return
      }
      withhold(route, exchange)
      if (question.claims === undefined) {
        steps.push({
          step: 'auth',
          ok: true,
          text: `asks for ${asked}, which is not judged here: give claims to have them judged`,
        })
        return
      }
      const identity = createClaimReader(config.jwt)(question.claims)
      const assumed = { challenge: '', authenticate: () => identity, withhold: () => {} }
      const authenticators: Authenticators = {
        jwt: assumed,
        'api-key': assumed,
        basic: assumed,
        mtls: assumed,
      }
      call.identity = await take(
        'auth',
        () => authorize(route, head, call, authenticators),
        () => ({ text: `asks for ${asked}, which the claims given meet` }),
      )
    }

    async function takeBody(route: Route): Promise<void> {
      const maxBytes = route.maxBodyBytes ?? config.clientLimits.bodyBytes
      const bytes = Number(head.contentLength ?? 0)
      await take(
        'body',
        () => {
          if (maxBytes > 0 && bytes > maxBytes) throw new GatewayError('WG_BODY_TOO_LARGE')
        },
        () => ({ text: maxBytes > 0 ? `may have up to ${maxBytes} bytes` : 'may have any length' }),
      )
    }

    try {
      await take(
        'request',
        () => {
          if (headBytesOf(question) > config.clientLimits.headerBytes)
            throw new GatewayError('WG_HEADERS_TOO_LARGE')
          if (exchange.refusal) throw exchange.refusal
        },
        () => ({ text: `${call.method} ${call.target}` }),
      )
      const route = await take(
        'route',
        () => {
          const found = matchRoute(table.routeTable(), exchange)
          call.route = found
          // Now, and not after a step that waits: by then the route may have other policies.
          chain = policies.policiesOf(found)
          exchange.plan = found.policies === undefined ? undefined : policies.planOf(found)
          if (found.isBroken) exchange.plan!.onRequest[0]!(exchange)
          return found
        },
        found => ({
          text: `${found.id} (${found.origin}): ${found.path}`,
        }),
      )
      await takePolicies('onRequest')
      await takeAuth(route)
      await takeBody(route)
      exchange.outgoing = await take(
        'forward',
        () => createOutgoing(exchange, readRpc),
        ({ service, target }) => ({
          text: `to ${service || 'no service'} as ${target}`,
        }),
      )
      await takePolicies('onAuthorized')
      completeHeaders(exchange)
      const { service, nodes: selection, method, target, headers, rpc } = exchange.outgoing
      steps.push({
        step: 'outgoing',
        ok: true,
        text: `${method} ${target}`,
        detail: { service, method, target, headers: shownHeaders(headers, secrets) },
      })
      const lane = nodes.get(service, rpc === undefined ? 'http' : 'grpc')
      shown.push(...sharesOf(lane?.select(selection).peers ?? []))
      await take(
        'node',
        () => {
          if (!shown.some(({ eligible }) => eligible)) throw new GatewayError('WG_NO_NODE')
        },
        () => ({ text: `${shown.filter(({ eligible }) => eligible).length} of ${shown.length} nodes` }),
      )
    } catch (error) {
      if (!(error instanceof Stop)) throw error
      wouldAnswer = error.answer
      if (wouldAnswer.code === 'WG_NO_ROUTE') steps.push(...withoutAutoRoute(call.target))
    }
    return {
      steps: withoutSecrets(steps, secretsIn(question, secrets, config.jwt.queryParameter)),
      route: call.route ? { ...options.describeRoute(call.route), id: call.route.id } : null,
      candidates: candidatesOf(exchange, asked),
      nodes: shown,
      wouldAnswer,
      revision: table.source().revision ?? null,
    }
  }

  /** Takes out the tokens that are not for nodes, as authentication does. */
  function withhold(route: Route, { call, head }: Exchange): void {
    const rules = route.auth.type === 'any' ? route.auth.rules : [route.auth]
    if (rules.some(({ type }) => type === 'jwt')) takeTokens(head, call, options.config.jwt)
  }

  /** Says why a service that is there cannot be reached under its name. */
  function withoutAutoRoute(target: string): ExplainStep[] {
    const [, service = ''] = pathOf(target).split('/')
    const documents = table.routes().filter(route => route.service === service)
    if (nodes.service(service) === undefined || documents.length === 0) return []
    const ids = documents.map(({ id }) => id).join(', ')
    const text = `service ${service} has no automatic route, because it has documents: ${ids}`
    return [{ step: 'route', ok: false, text }]
  }

  function candidatesOf({ call, head }: Exchange, target: string): ExplainPage['candidates'] {
    const facts = new MatchedRequest(head.headers, target, call.clientAddress)
    const request = { method: call.method, host: head.host, path: pathOf(target), facts }
    // Where nothing fits, an automatic route may be the one that was meant.
    const documents = table
      .routes()
      .filter(({ origin, id }) => call.route === undefined || origin !== 'auto' || id === call.route.id)
    return findCandidates(documents, call.route, request, createAddressTest, isLike).map(
      ({ route, fits, lost }) => ({
        ...{ id: route.id, fits },
        lost: lost ?? null,
      }),
    )
  }
}

/** Whether a segment of a path may be a misspelling. Long ones differ too much in length to be worth a look. */
function isLike(got: string, expected: string): boolean {
  return Math.abs(got.length - expected.length) <= 3 && closest(got, [expected]) !== undefined
}

function variantText({ variant, variantWanted }: Call): string {
  return variantWanted === undefined
    ? `the variant is ${variant}`
    : `the variant is ${variant}, because no node of ${variantWanted} can be used`
}

/** Returns the share of each node, as far as it follows from weights: balancers that look at requests in flight differ. */
function sharesOf(peers: readonly Peer[]): ExplainNode[] {
  const judged = peers.map(peer => ({ peer, why: whyNot(peer) }))
  const total = judged.reduce((sum, { peer, why }) => sum + (why === undefined ? peer.node.weight : 0), 0)
  return judged.map(({ peer: { node }, why }) => {
    const share = why === undefined ? Math.round((10_000 * node.weight) / total) / 100 : 0
    return { id: node.id, share, eligible: why === undefined, ...(why !== undefined && { why }) }
  })
}

function whyNot(peer: Peer): string | undefined {
  if (peer.available()) return undefined
  if (peer.node.weight === 0) return 'its weight is 0'
  if (peer.health === 'unhealthy') return 'its health check fails'
  if (peer.breaker === 'open') return 'its circuit breaker is open'
  return `it is ${stateOf(peer)}`
}
