import type { PolicyName } from '../policies/policies.ts'
import type { RouteDocument } from './route-schema.ts'

interface FieldKind {
  /** Whether policy sets may have the field, not documents alone. */
  readonly isShared: boolean
  /** Whether the field means nothing in a route that reaches no node. */
  readonly needsNode: boolean
}

const OF_DOCUMENT = { isShared: false, needsNode: false } as const satisfies FieldKind
const OF_SERVICE = { isShared: false, needsNode: true } as const satisfies FieldKind
const OF_REQUEST = { isShared: true, needsNode: false } as const satisfies FieldKind
const OF_NODE = { isShared: true, needsNode: true } as const satisfies FieldKind

/** What kind of field each one of a route document is. Policies say so themselves, in `POLICY_RULES`. */
export const DOCUMENT_FIELDS = {
  path: OF_DOCUMENT,
  methods: OF_DOCUMENT,
  hosts: OF_DOCUMENT,
  match: OF_DOCUMENT,
  whenUnmatched: OF_DOCUMENT,
  priority: OF_DOCUMENT,
  enabled: OF_DOCUMENT,
  policies: OF_DOCUMENT,
  service: OF_SERVICE,
  nodes: OF_SERVICE,
  description: OF_REQUEST,
  labels: OF_REQUEST,
  auth: OF_REQUEST,
  allowEncodedSlash: OF_REQUEST,
  allowSlowClients: OF_REQUEST,
  maxBodyBytes: OF_REQUEST,
  balancer: OF_NODE,
  bodyIdleTimeoutMs: OF_NODE,
  breaker: OF_NODE,
  fallback: OF_NODE,
  grpc: OF_NODE,
  healthCheck: OF_NODE,
  hedge: OF_NODE,
  mergeSlashes: OF_NODE,
  preserveHost: OF_NODE,
  retries: OF_NODE,
  retryBufferBytes: OF_NODE,
  retryOn: OF_NODE,
  rewriteLocation: OF_NODE,
  serviceLimit: OF_NODE,
  slowStartMs: OF_NODE,
  stripPrefix: OF_NODE,
  timeoutMs: OF_NODE,
  tryTimeoutMs: OF_NODE,
  upstreamTls: OF_NODE,
} as const satisfies Readonly<Record<Exclude<keyof RouteDocument, PolicyName>, FieldKind>>

type Fields = typeof DOCUMENT_FIELDS

/** The fields, besides those of policies, that only documents may have. */
export type OfDocuments = {
  [Field in keyof Fields]: Fields[Field]['isShared'] extends true ? never : Field
}[keyof Fields]
