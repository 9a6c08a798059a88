import type { BreakerState, PeerState } from '../internal/peer.ts'
import type { SourceView } from './table-view.ts'

/** `GET /routes`, as JSON; optional fields are left out where they are undefined. */
export interface RoutesPage {
  /** Of the registry; null before it was first heard. */
  readonly revision: string | null
  readonly source: Omit<SourceView, 'revision'>
  readonly routes: readonly RoutePage[]
  readonly problems: readonly { readonly key: string; readonly reason: string }[]
}

export interface RoutePage {
  readonly id: string
  readonly origin: 'etcd' | 'file' | 'auto'
  readonly path: string
  /** Null: all. */
  readonly methods: readonly string[] | null
  /** Null: all. */
  readonly hosts: readonly string[] | null
  readonly service: string
  /** As a route document writes it. */
  readonly auth: 'none' | 'jwt' | { readonly jwt: { scopes: readonly string[]; roles: readonly string[] } }
  readonly stripPrefix: string
  readonly timeoutMs: number
  /** Null: every other node once. */
  readonly retries: number | null
  readonly balancer: string
  readonly priority: number
  readonly fallback: string | null
  readonly nodes: readonly NodePage[]
}

/** `GET /services`. */
export interface ServicesPage {
  readonly services: readonly { readonly name: string; readonly nodes: readonly NodePage[] }[]
}

export interface NodePage {
  readonly id: string
  readonly address: string
  readonly weight: number
  readonly metadata: Readonly<Record<string, string>>
  /** Only when it is not HTTP/1.1, which is all that is forwarded. */
  readonly protocol?: string
  readonly state: PeerState
  readonly breaker: BreakerState
  readonly inFlight: number
  readonly requests: number
  readonly failures: number
}
