import { QuietError } from './quiet-error.ts'

/**
 * Every error that a client can see: code, status, and the title and detail of the problem document. `detail` is for the
 * developer of the client, and never contains an upstream address or a stack. docs/errors.md explains each error, and a
 * test checks that the two agree.
 */
export const ERRORS = {
  WG_BAD_REQUEST: { status: 400, title: 'Bad request', detail: 'The request is not valid HTTP.' },
  WG_REQUEST_INVALID: {
    status: 400,
    title: 'Request invalid',
    detail: 'The request does not have the form that this route needs.',
  },
  WG_TOKEN_MISSING: { status: 401, title: 'Token missing', detail: 'This route needs a bearer token.' },
  WG_TOKEN_INVALID: { status: 401, title: 'Token invalid', detail: 'The bearer token was not accepted.' },
  WG_TOKEN_EXPIRED: { status: 401, title: 'Token expired', detail: 'The bearer token has expired.' },
  WG_CERTIFICATE_REQUIRED: {
    status: 401,
    title: 'Certificate required',
    detail: 'This route needs a connection with a client certificate.',
  },
  WG_FORBIDDEN: {
    status: 403,
    title: 'Forbidden',
    detail: 'The token does not grant what this route needs.',
  },
  WG_ADDRESS_DENIED: {
    status: 403,
    title: 'Address denied',
    detail: 'Clients at this address may not use this route.',
  },
  WG_HTTPS_REQUIRED: {
    status: 403,
    title: 'HTTPS required',
    detail: 'This route needs a connection with TLS. Secrets that were sent without it should be replaced.',
  },
  WG_ORIGIN_REFUSED: {
    status: 403,
    title: 'Origin refused',
    detail: 'Pages of this origin may not use this route.',
  },
  WG_NO_ROUTE: { status: 404, title: 'No route', detail: 'No route matches this host and path.' },
  WG_NO_METHOD: {
    status: 404,
    title: 'No method',
    detail: 'The service has no such gRPC method here.',
  },
  WG_METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'Method not allowed',
    detail: 'This path does not support the request method.',
  },
  WG_REQUEST_TIMEOUT: {
    status: 408,
    title: 'Request timeout',
    detail: 'The request body did not arrive in time.',
  },
  WG_LENGTH_REQUIRED: {
    status: 411,
    title: 'Length required',
    detail: 'This route needs the length of a body before the body.',
  },
  WG_BODY_TOO_LARGE: { status: 413, title: 'Body too large', detail: 'The request body is too large.' },
  WG_URI_TOO_LONG: { status: 414, title: 'Target too long', detail: 'The request target is too long.' },
  WG_UNSUPPORTED_MEDIA: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'The content type of the request is not supported here.',
  },
  WG_UNSUPPORTED_TYPE: {
    status: 415,
    title: 'Unsupported content type',
    detail: 'This route takes bodies of other content types.',
  },
  WG_EXPECTATION_FAILED: {
    status: 417,
    title: 'Expectation failed',
    detail: 'The only supported expectation is 100-continue.',
  },
  WG_MISDIRECTED: {
    status: 421,
    title: 'Misdirected request',
    detail: 'Requests for this host need another connection, made for its name.',
  },
  WG_RATE_LIMITED: {
    status: 429,
    title: 'Too many requests',
    detail: 'The rate limit is exceeded; try again later.',
  },
  WG_QUOTA_EXCEEDED: {
    status: 429,
    title: 'Quota exceeded',
    detail: 'The quota is used up; it begins anew with the next hour, day or month.',
  },
  WG_CONCURRENCY_LIMITED: {
    status: 429,
    title: 'Too many requests at once',
    detail: 'Too many requests are under way; try again when one has ended.',
  },
  WG_HEADERS_TOO_LARGE: {
    status: 431,
    title: 'Headers too large',
    detail: 'The request headers are too large or too many.',
  },
  WG_INTERNAL: {
    status: 500,
    title: 'Internal error',
    detail: 'The gateway failed; its log has the reason.',
  },
  WG_UPSTREAM_UNREACHABLE: {
    status: 502,
    title: 'Upstream unreachable',
    detail: 'The service could not be reached, or closed the connection before it answered.',
  },
  WG_UPSTREAM_INVALID: {
    status: 502,
    title: 'Upstream answer invalid',
    detail: 'The service sent an invalid HTTP answer.',
  },
  WG_ROUTE_BROKEN: {
    status: 503,
    title: 'Route broken',
    detail: 'The document of this route is invalid; the admin listener shows the reason.',
  },
  WG_NO_NODE: { status: 503, title: 'No node', detail: 'No node of the service is available.' },
  WG_CIRCUIT_OPEN: {
    status: 503,
    title: 'Circuit open',
    detail: 'The circuit breakers of all nodes of the service are open; try again later.',
  },
  WG_OVERLOADED: {
    status: 503,
    title: 'Overloaded',
    detail: 'The service is at its limit; try again later.',
  },
  WG_AUTH_UNAVAILABLE: {
    status: 503,
    title: 'Authentication unavailable',
    detail: 'The gateway cannot check credentials at the moment; try again later.',
  },
  WG_LIMIT_UNAVAILABLE: {
    status: 503,
    title: 'Limit unavailable',
    detail: 'The gateway cannot count requests at the moment; try again later.',
  },
  WG_NO_SCHEMA: {
    status: 503,
    title: 'No schema',
    detail: 'The gateway does not know the methods of the service yet; try again later.',
  },
  WG_SHUTTING_DOWN: { status: 503, title: 'Shutting down', detail: 'The gateway is shutting down.' },
  WG_UPSTREAM_TIMEOUT: {
    status: 504,
    title: 'Upstream timeout',
    detail: 'The service did not answer in time.',
  },
} as const satisfies Record<string, { status: number; title: string; detail: string }>

export type ErrorCode = keyof typeof ERRORS

export interface GatewayErrorOptions {
  /** Replaces the detail of the table when more is known about the request. */
  readonly detail?: string | undefined
  /** Answer headers that belong to the error: Allow, Retry-After, WWW-Authenticate. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The status that gRPC clients get; undefined = that of the code. */
  readonly grpcStatus?: number | undefined
  /** Further members of the problem document. */
  readonly members?: Readonly<Record<string, unknown>> | undefined
  /** The original error, for the log. */
  readonly cause?: unknown
}

/**
 * An error that is answered to the client as a problem document. It has no stack: it is created on the request path, where
 * capturing a stack costs more than the rest of the refusal, and its code tells where it comes from.
 */
export class GatewayError extends QuietError {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly grpcStatus: number | undefined
  readonly members: GatewayErrorOptions['members']

  constructor(code: ErrorCode, options: GatewayErrorOptions = {}) {
    super(options.detail ?? ERRORS[code].detail, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.status = ERRORS[code].status
    this.headers = options.headers
    this.grpcStatus = options.grpcStatus
    this.members = options.members
  }
}

/** The content type of every error body (RFC 9457). */
export const PROBLEM_CONTENT_TYPE = 'application/problem+json'

/** Returns the body of an error answer (RFC 9457), as JSON text. @param traceId undefined when the request is not traced */
export function problemBody(error: GatewayError, requestId: string | undefined, traceId?: string): string {
  return JSON.stringify({
    type: `urn:waygate:error:${error.code}`,
    title: ERRORS[error.code].title,
    status: error.status,
    code: error.code,
    detail: error.message,
    requestId,
    traceId,
    ...error.members,
  })
}
