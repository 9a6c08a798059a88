import type { KeyObject } from 'node:crypto'
import type { Config } from '../../config/schema.ts'
import type { SameSite } from '../../internal/http/header-lines.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import { type Upstream, wrap } from '../../internal/upstream.ts'
import type { Deadlines } from '../../middleware/request/deadlines.ts'
import { createBalance } from '../../wrappers/balance/balance.ts'
import { createFallback } from '../../wrappers/fallback/fallback.ts'
import { createGrpcCalls } from '../../wrappers/grpc/grpc-calls.ts'
import { createGrpcWeb } from '../../wrappers/grpc/grpc-web.ts'
import { createConcurrencyLimit, type ServiceLimits } from '../../wrappers/limit/concurrency-limit.ts'
import { createCircuitBreaker, createDispatch } from '../../wrappers/node/upstream-peer.ts'
import { createObserve } from '../../wrappers/observe.ts'
import { createCallFields } from '../../wrappers/retry/call-fields.ts'
import { createHedge } from '../../wrappers/retry/hedge.ts'
import { createRetry } from '../../wrappers/retry/retry.ts'
import type { RetryBudgets } from '../../wrappers/retry/retry-budget.ts'
import { createTryTimeout } from '../../wrappers/retry/try-timeout.ts'
import type { Transcoding } from './transcoding.ts'

export interface UpstreamOptions {
  readonly config: Config
  readonly nodes: NodeTable
  readonly limits: ServiceLimits
  readonly budgets: RetryBudgets
  readonly deadlines: Deadlines
  readonly transcoding: Transcoding
}

/** What of the upstreams a reload may change. */
export interface UpstreamSettings {
  /** Signs sticky cookies; undefined = clients get none. */
  readonly cookieKey: KeyObject | undefined
  readonly sameSite: SameSite
}

/** What a gateway does with a request to a service, and with the handshake of a WebSocket. */
export interface Upstreams {
  readonly upstream: Upstream
  readonly handshake: Upstream
}

/**
 * Creates the function that puts the wrappers around the calls of nodes, outermost first. What wrappers know is made once, so
 * that it outlives a reload. Calls under way stay in the upstreams in which they began.
 */
export function createUpstreams(options: UpstreamOptions): (settings: UpstreamSettings) => Upstreams {
  const { config, nodes, limits, budgets, deadlines, transcoding } = options
  const fallback = createFallback(config.staleAnswers)
  const retry = createRetry({ budgets, mayBeRefused: service => nodes.get(service)?.speaksHttp2 === true })
  const hedge = createHedge({ budgets })
  return ({ cookieKey, sameSite }) => {
    const balance = createBalance(nodes, { cookieKey, sameSite })
    return {
      upstream: wrap(createDispatch(), [
        createObserve(),
        fallback,
        transcoding.wrapper,
        createGrpcWeb(transcoding.descriptors.findMethod),
        createGrpcCalls(config.grpc.auto),
        createConcurrencyLimit(limits),
        retry,
        hedge,
        balance,
        createCircuitBreaker(),
        createTryTimeout({ deadlines }),
        createCallFields(),
      ]),
      // A WebSocket opens one connection to one node, so it is not hedged; the connection may stay open for days, so it takes
      // no slot of the service; and no kept answer can stand in for it.
      handshake: wrap(createDispatch(), [
        createObserve(),
        createRetry({ budgets }),
        balance,
        createCircuitBreaker(),
        createTryTimeout({ deadlines }),
      ]),
    }
  }
}
