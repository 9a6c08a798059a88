import type { Call } from './call.ts'
import type { GrpcDialect } from './grpc/content-type.ts'
import type { ClientRequest, ClientResponse, Expectation, InterimReceiver } from './http/client-exchange.ts'
import type { GatewayError } from './http/errors.ts'
import type { RequestHead } from './http/request-head.ts'
import type { CanonicalTarget } from './http/target.ts'
import type { TrailerFilter } from './http/trailers.ts'
import type { NodeSelection } from './nodes/node-selection.ts'
import type { Route } from './routing/route.ts'
import type { RequestBody, Rpc, Upstream, UpstreamResponse, Wrapper } from './upstream.ts'

/** One request of a client and its answer, from the listener that received it to the last byte sent. */
export interface Exchange {
  readonly request: ClientRequest
  readonly response: ClientResponse
  /** Reads the body of the request. */
  readonly bodies: BodyReader
  /** What is learned on the way: route, identity, peer, error. */
  readonly call: Call
  /** The request head, read once. Of it, only `headers` changes: authenticators and policies edit it in place. */
  readonly head: RequestHead
  /** Decides which trailers of the request go to the node. */
  readonly trailerFilter: TrailerFilter
  /** The address at the other end of the connection: the client's, or that of the last proxy in front of us. */
  readonly peerAddress: string
  /** What the trusted proxy at `peerAddress` says about the request; undefined when the peer is not a trusted proxy. */
  readonly proxied: ProxyReport | undefined
  /** Whether the node gets Forwarded (RFC 7239) beside X-Forwarded-*. */
  readonly sendsForwarded: boolean
  /** How the target differs from a plain one, which all servers read alike; undefined when it is plain. */
  readonly respelled: CanonicalTarget | undefined
  readonly expectation: Expectation
  /** How the client speaks gRPC, as its content type says; undefined when the request is no gRPC call. */
  readonly dialect: GrpcDialect | undefined
  /** Why the request cannot be routed; undefined when it can. */
  readonly refusal: GatewayError | undefined
  /** Whether it is only asked what would happen to the request: nothing may be charged, counted or sent. */
  readonly isDry: boolean
  /** Whether this is the opening handshake of a WebSocket. */
  readonly isWebSocket: boolean
  /**
   * Whether this is a CORS preflight that the matched route answers, not the node. False when the route that would take
   * the real request has no `cors`, even if this one has: it must not vouch for the other.
   */
  isPreflight: boolean
  /** Whether another client, or one with other headers or cookies, may get another route for the same URL. */
  isRoutedByClient: boolean
  /** The policies of the matched route; undefined when it has none. */
  plan: RoutePlan | undefined
  /** Set once the request is authorized. */
  outgoing: OutgoingRequest | undefined
}

/** Reads the bodies of requests. Each listener has one, for the requests that it receives. */
export interface BodyReader {
  /** Creates the body of a request, of which nothing is read before a try takes the first byte. */
  open(request: ClientRequest, options: RequestBodyOptions): RequestBody
  /**
   * Reads the rest of a body and discards it, so that the client can read its answer and send another request.
   *
   * @param onPiece called with the size of each piece, because discarded pieces take memory until they are collected
   */
  discard(request: ClientRequest, onPiece: (bytes: number) => void): void
}

export interface RequestBodyOptions {
  /** Larger bodies end with WG_BODY_TOO_LARGE; 0 = no limit. */
  readonly maxBytes: number
  /** The declared length of the body, above 0; undefined when it is chunked. */
  readonly length?: number | undefined
  /**
   * Asks the client for its body. Called when a node is ready for the first byte. Undefined when the client does not wait
   * to be asked.
   */
  readonly sendContinue?: (() => void) | undefined
  /** Whether the client may pause for as long as it likes, as in a stream of messages. */
  readonly mayPause?: boolean | undefined
  /** Returns the trailers for the node, flat. Called once the body has ended. */
  readonly trailers?: (() => readonly string[] | undefined) | undefined
  /** Called with the size of each piece that arrived. */
  readonly onPiece: (bytes: number) => void
}

/** Returns the scheme that the client used: that of its connection, or what a trusted proxy in front of us says. */
export function schemeOf({ call, proxied }: Exchange): 'http' | 'https' {
  return proxied?.proto ?? (call.tls === undefined ? 'http' : 'https')
}

/** Returns the host that the client asked for: that of the request, or what a trusted proxy in front of us says. */
export function askedHostOf({ head, proxied }: Exchange): string | undefined {
  return proxied?.host ?? head.host
}

/** What a trusted proxy says about a request. A field that is missing or malformed is undefined. */
export interface ProxyReport {
  /** Addresses, the client's first, separated by commas: X-Forwarded-For, or what Forwarded or X-Real-IP have of it. */
  readonly forwardedFor: string | undefined
  readonly proto: 'http' | 'https' | undefined
  /** A host name or address, with a port if it is not the default one. */
  readonly host: string | undefined
  /** 1..65535, in digits. */
  readonly port: string | undefined
  /** The prefix that was stripped from the path, such as `/shop`; never empty. */
  readonly prefix: string | undefined
  /** The Forwarded field (RFC 7239), when `forwardedFor` was read from it. */
  readonly forwarded: string | undefined
}

/** What a node will be sent. Policies may change it until it is forwarded. */
export interface OutgoingRequest {
  readonly route: Route
  /** The service to choose a node of; the route's own at first. */
  service: string
  /** The nodes of the service among which to choose; those of the route at first. */
  nodes: NodeSelection | undefined
  readonly method: string
  target: string
  /** The Host header for the node; undefined = the address of the node itself. */
  host: string | undefined
  /** The same array as the head's `headers`. Request id, identity and X-Forwarded-* are appended after all policies. */
  readonly headers: string[]
  /** Null until the request is forwarded, and when it has no body. */
  body: RequestBody | null
  /** The gRPC call that it makes; undefined when the node gets it as plain HTTP. */
  rpc: Rpc | undefined
  /** How the client speaks gRPC; undefined where `rpc` is. */
  dialect: GrpcDialect | undefined
  /**
   * Returns the gRPC call that it makes if it goes to this service; undefined when the nodes of that get it as plain HTTP.
   * Throws a GatewayError when it is a call of no method. Undefined for requests that are no calls, whatever the service.
   */
  readonly rpcFor: ((service: string) => Rpc | undefined) | undefined
  readonly isWebSocket: boolean
  /** Receives what the node says before the head of its answer. */
  readonly interim: InterimReceiver
}

/** The head of anything a client gets. Policies change it in place. */
export interface ResponseHead {
  status: number
  /** Flat; x-request-id is appended after all policies. */
  readonly headers: string[]
  /** `gateway`: a refusal, or an answer that a policy gave; `upstream`: a node's answer or a fallback. */
  readonly from: 'gateway' | 'upstream'
}

/**
 * One step of a request. Returns undefined to go on, or an answer that ends the request here. Returns a promise only
 * when it must wait.
 *
 * @throws GatewayError to refuse the request
 */
export type Step = (
  exchange: Exchange,
) => UpstreamResponse | undefined | Promise<UpstreamResponse | undefined>

/** Edits the head of an answer. It must not throw. */
export type EditHead = (head: ResponseHead, exchange: Exchange) => void

/**
 * Decides whether the body of an answer is changed on its way to the client. Gets the head as all `onResponse` have left
 * it, and may edit it. Not called for refusals, which have no body but a short document, nor for answers to WebSocket
 * handshakes. It must not throw.
 *
 * @returns undefined when the body passes as it is, at no cost
 */
export type TransformBody = (head: ResponseHead, exchange: Exchange) => BodyTransform | undefined

/**
 * Puts itself in front of a response: returns the one that is given the head and the body of the answer instead of `target`.
 * It may hold the head back until it has seen a part of the body, passes on `drain` and `close`, and frees what it holds
 * when `target` closes.
 *
 * @param fail ends the answer with an error, as a bug of the gateway: 500, or a broken connection once the head was sent
 */
export type BodyTransform = (target: ClientResponse, fail: (error: unknown) => void) => ClientResponse

/** What a refusal says in place of the problem document. */
export interface OwnRefusal {
  /** Flat; beside those of the error, which clients rely on. */
  readonly headers: readonly string[]
  /** Undefined = the problem document; else `headers` has its content type. */
  readonly body: Buffer | undefined
}

/** Takes a field name as it is spelled. */
export type HidesField = (spelling: string) => boolean

/**
 * What one field of a route document does to the requests of that route. Every hook is optional. A policy runs once
 * per client request, never again for a retry or a hedge.
 */
export interface Policy {
  /** Runs before authentication, WebSocket handshakes included. */
  readonly onRequest?: Step
  /** Runs after authentication, WebSocket handshakes included. `exchange.outgoing` is set. */
  readonly onAuthorized?: Step
  /** Wraps the route's whole upstream call. WebSockets do not pass it. */
  readonly around?: Wrapper
  /** Returns what clients get for an error of the gateway; undefined = what they always get. */
  readonly refusal?: (error: GatewayError, exchange: Exchange) => OwnRefusal | undefined
  /** Edits every answer of the route: node answers, the answers of policies, and refusals. */
  readonly onResponse?: EditHead
  /** Changes the bodies of answers, such as by compressing them. */
  readonly transform?: TransformBody
  /**
   * Returns whether the client must not get a field, by its name as spelled, that a node sends beside the head of its
   * answer: in an interim answer or in a trailer. What a policy removes from heads, or sets there, must not return so.
   */
  readonly hidesFromClient?: HidesField
  /** Returns whether the node must not get a trailer of the request. */
  readonly hidesFromNode?: HidesField
}

/**
 * Makes the policy of one route from its rule. A policy lives as long as route id and rule stay the same, through
 * edits of everything else, so it must not keep the route: `exchange.call.route` has the current one.
 */
export type CreatePolicy<Rule, Tools> = (rule: Rule, tools: Tools) => Policy

/** A rule of a policy whose rules add up, and the level at which it is written. */
export interface LevelRule<Rule = unknown> {
  /** `defaults`, the name of a policy set, or `route`. */
  readonly level: string
  readonly rule: Rule
}

/** The policies of one route, ready to run. */
export interface RoutePlan {
  readonly onRequest: readonly Step[]
  readonly onAuthorized: readonly Step[]
  readonly upstream: Upstream
  /** Undefined when no policy changes refusals. */
  readonly refusal: Policy['refusal']
  /** In the order in which an answer meets them: the last policy of a request comes first. */
  readonly onResponse: readonly EditHead[]
  /** In the same order; undefined when no policy changes bodies. */
  readonly transforms: readonly TransformBody[] | undefined
  /** Undefined when no policy hides a field. */
  readonly hidesFromClient: HidesField | undefined
  readonly hidesFromNode: HidesField | undefined
}

/**
 * Runs steps until one answers. Stays synchronous as long as the steps do.
 *
 * @throws GatewayError when a step refuses the request; a promise rejects with it
 */
export function runSteps(steps: readonly Step[], exchange: Exchange, from = 0): ReturnType<Step> {
  for (let i = from; i < steps.length; i++) {
    const answer = steps[i]!(exchange)
    if (answer instanceof Promise) return answer.then(known => known ?? runSteps(steps, exchange, i + 1))
    if (answer !== undefined) return answer
  }
  return undefined
}
