import { closest } from '../../config/kit/closest.ts'
import { credentialHeadersOf } from '../../config/load/route-context.ts'
import type { Config } from '../../config/schema.ts'
import { MatchedRequest } from '../../internal/conditions.ts'
import { pathOf } from '../../internal/http/target.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { Exchange } from '../../internal/policy.ts'
import { findCandidates } from '../../internal/routing/candidates.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { Authenticators } from '../../middleware/auth/authenticator.ts'
import { createClaimReader } from '../../middleware/auth/claims.ts'
import { createAddressTest } from '../../middleware/request/client-address.ts'
import { createOpenExchange, type OpenExchangeOptions } from '../../middleware/request/open-exchange.ts'
import type { ExplainNode, ExplainPage, ExplainQuestion, ExplainStep } from '../../routes/admin/explain.ts'
import type { DescribedRoute } from '../../routes/admin/page-types.ts'
import { completeHeaders, createOutgoing } from '../../routes/public/outgoing-request.ts'
import type { ReadRpc } from '../../routes/public/read-rpc.ts'
import { nodesFor, requireNode } from './explain-nodes.ts'
import { ExplainNotes, Stop } from './explain-notes.ts'
import { httpVersionOf, NO_BODIES, toRequest } from './explain-request.ts'
import { secretsIn, shownHeaders, withoutSecrets } from './explain-secrets.ts'
import {
  type ExplainedRequest,
  takeAuth,
  takeBody,
  takeCall,
  takeHead,
  takePolicies,
  takeRoute,
} from './explain-steps.ts'
import type { LivePolicies } from './live-policies.ts'
import type { LiveTable } from './live-table.ts'
import type { Transcoding } from './transcoding.ts'

/** The fields are read at each question: a reload may change what they say. */
export interface ExplainOptions {
  readonly config: Config
  readonly table: LiveTable
  readonly nodes: NodeTable
  readonly policies: Pick<LivePolicies, 'policiesOf' | 'planOf'>
  readonly readRpc: ReadRpc
  readonly transcoding: Pick<Transcoding, 'methodOf'>
  readonly authenticators: Authenticators
  readonly exchange: OpenExchangeOptions['settings']
  readonly isTrustedProxy: (address: string) => boolean
  readonly describeRoute: (route: Route) => DescribedRoute
}

/**
 * Creates the function that says what would happen to a request. It takes the steps of the request path with the same
 * functions, and stops where the request would. It sends, charges, counts and moves nothing.
 */
export function createExplain(options: ExplainOptions): (question: ExplainQuestion) => Promise<ExplainPage> {
  const { table, nodes, policies, readRpc } = options
  const openAs = (httpVersion: 1 | 2) =>
    createOpenExchange({
      bodies: NO_BODIES,
      settings: {
        // What is asked is no request, so it has no trace.
        get current() {
          return { ...options.exchange.current, startTrace: undefined }
        },
      },
      isTrustedProxy: options.isTrustedProxy,
      httpVersion,
      onOpen: () => {},
      onClose: () => {},
    })
  const openExchange = { 1: openAs(1), 2: openAs(2) }

  /** Takes the steps up to the node. @throws Stop where the request is refused or answered */
  async function takeSteps(
    request: ExplainedRequest,
    shown: ExplainNode[],
    secrets: ReadonlySet<string>,
  ): Promise<void> {
    const { exchange, notes } = request
    const { config, authenticators } = options
    await takeHead(request, config)
    const { route, chain } = await takeRoute(request, table, policies)
    await takePolicies(request, chain, 'onRequest')
    await takeAuth(request, route, config, authenticators, createClaimReader(config.jwt))
    await takeBody(request, route, config)
    exchange.outgoing = await notes.take(
      'forward',
      () => createOutgoing(exchange, readRpc),
      ({ service, target }) => `to ${service || 'no service'} as ${target}`,
    )
    await takePolicies(request, chain, 'onAuthorized')
    completeHeaders(exchange)
    const { service, method, target, headers } = exchange.outgoing
    const detail = { service, method, target, headers: shownHeaders(headers, secrets) }
    notes.add('outgoing', `${method} ${target}`, detail)
    const isCall = await takeCall(request, config, outgoing => options.transcoding.methodOf(outgoing))
    shown.push(...nodesFor(exchange.outgoing, nodes, isCall))
    await notes.take(
      'node',
      () => requireNode(shown),
      eligible => `${eligible} of ${shown.length} nodes`,
    )
  }

  return async question => {
    const { config } = options
    const secrets = new Set(credentialHeadersOf(config))
    const httpVersion = httpVersionOf(question)
    const opened = openExchange[httpVersion](...toRequest(question, httpVersion))
    const exchange: Exchange = { ...opened, isDry: true }
    const { call } = exchange
    // Authentication takes tokens out of it.
    const asked = call.target
    const notes = new ExplainNotes()
    const shown: ExplainNode[] = []
    let wouldAnswer: ExplainPage['wouldAnswer'] = null
    try {
      await takeSteps({ question, exchange, notes }, shown, secrets)
    } catch (error) {
      if (!(error instanceof Stop)) throw error
      wouldAnswer = error.answer
      if (wouldAnswer.code === 'WG_NO_ROUTE') notes.steps.push(...withoutAutoRoute(call.target, options))
    }
    return {
      steps: withoutSecrets(notes.steps, secretsIn(question, secrets, config.jwt.queryParameter)),
      route: call.route ? { ...options.describeRoute(call.route), id: call.route.id } : null,
      candidates: candidatesOf(exchange, asked, table),
      nodes: shown,
      wouldAnswer,
      revision: table.source().revision ?? null,
    }
  }
}

/** Says why a service that is there cannot be reached under its name. */
function withoutAutoRoute(target: string, { table, nodes }: ExplainOptions): ExplainStep[] {
  const [, service = ''] = pathOf(target).split('/')
  const documents = table.routes().filter(route => route.service === service)
  if (nodes.service(service) === undefined || documents.length === 0) return []
  const ids = documents.map(({ id }) => id).join(', ')
  const text = `service ${service} has no automatic route, because it has documents: ${ids}`
  return [{ step: 'route', ok: false, text }]
}

function candidatesOf({ call, head }: Exchange, target: string, table: LiveTable): ExplainPage['candidates'] {
  const facts = new MatchedRequest(head.headers, target, call.clientAddress)
  const request = { method: call.method, host: head.host, path: pathOf(target), facts }
  // Where nothing fits, an automatic route may be the one that was meant.
  const documents = table
    .routes()
    .filter(({ origin, id }) => call.route === undefined || origin !== 'auto' || id === call.route.id)
  return findCandidates(documents, call.route, request, createAddressTest, isLike).map(
    ({ route, fits, lost }) => ({ id: route.id, fits, lost: lost ?? null }),
  )
}

/** Whether a segment of a path may be a misspelling. Long ones differ too much in length to be worth a look. */
function isLike(got: string, expected: string): boolean {
  return Math.abs(got.length - expected.length) <= 3 && closest(got, [expected]) !== undefined
}
