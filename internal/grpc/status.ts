import type { ErrorCode } from '../http/errors.ts'

/** The names of gRPC statuses, in the order of their numbers (grpc/doc/statuscodes.md). */
export const GRPC_STATUS_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const

export type GrpcStatusName = (typeof GRPC_STATUS_NAMES)[number]

/** The numbers of gRPC statuses by name: 0..16. */
export const GRPC_STATUS = Object.fromEntries(
  GRPC_STATUS_NAMES.map((name, number) => [name, number]),
) as Readonly<Record<GrpcStatusName, number>>

const { CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, PERMISSION_DENIED, RESOURCE_EXHAUSTED } =
  GRPC_STATUS
const { UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED } = GRPC_STATUS

/** The HTTP status that stands for each gRPC status, by number (google/rpc/code.proto). */
const HTTP_STATUSES = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
] as const

/** Returns the HTTP status that stands for a gRPC status, for clients that do not speak gRPC. */
export function httpStatusOf(grpcStatus: number): number {
  return HTTP_STATUSES[grpcStatus] ?? 500
}

/** The gRPC status of each error that the gateway answers itself. */
const OF_ERRORS: Readonly<Record<ErrorCode, number>> = {
  WG_BAD_REQUEST: INVALID_ARGUMENT,
  WG_REQUEST_INVALID: INVALID_ARGUMENT,
  WG_TOKEN_MISSING: UNAUTHENTICATED,
  WG_TOKEN_INVALID: UNAUTHENTICATED,
  WG_TOKEN_EXPIRED: UNAUTHENTICATED,
  WG_CERTIFICATE_REQUIRED: UNAUTHENTICATED,
  WG_FORBIDDEN: PERMISSION_DENIED,
  WG_ADDRESS_DENIED: PERMISSION_DENIED,
  WG_HTTPS_REQUIRED: PERMISSION_DENIED,
  WG_ORIGIN_REFUSED: PERMISSION_DENIED,
  WG_NO_ROUTE: UNIMPLEMENTED,
  WG_NO_METHOD: UNIMPLEMENTED,
  WG_METHOD_NOT_ALLOWED: UNIMPLEMENTED,
  WG_REQUEST_TIMEOUT: DEADLINE_EXCEEDED,
  WG_LENGTH_REQUIRED: INVALID_ARGUMENT,
  WG_BODY_TOO_LARGE: RESOURCE_EXHAUSTED,
  WG_URI_TOO_LONG: INVALID_ARGUMENT,
  WG_UNSUPPORTED_MEDIA: UNIMPLEMENTED,
  WG_UNSUPPORTED_TYPE: INVALID_ARGUMENT,
  WG_EXPECTATION_FAILED: INVALID_ARGUMENT,
  WG_MISDIRECTED: UNAVAILABLE,
  WG_RATE_LIMITED: RESOURCE_EXHAUSTED,
  WG_QUOTA_EXCEEDED: RESOURCE_EXHAUSTED,
  WG_CONCURRENCY_LIMITED: RESOURCE_EXHAUSTED,
  WG_LIMIT_UNAVAILABLE: UNAVAILABLE,
  WG_HEADERS_TOO_LARGE: RESOURCE_EXHAUSTED,
  WG_INTERNAL: INTERNAL,
  WG_UPSTREAM_UNREACHABLE: UNAVAILABLE,
  WG_UPSTREAM_INVALID: INTERNAL,
  WG_ROUTE_BROKEN: UNAVAILABLE,
  WG_NO_NODE: UNAVAILABLE,
  WG_CIRCUIT_OPEN: UNAVAILABLE,
  WG_OVERLOADED: UNAVAILABLE,
  WG_AUTH_UNAVAILABLE: UNAVAILABLE,
  WG_NO_SCHEMA: UNAVAILABLE,
  WG_SHUTTING_DOWN: UNAVAILABLE,
  WG_UPSTREAM_TIMEOUT: DEADLINE_EXCEEDED,
}

/** Returns the gRPC status with which a gRPC client gets an error of the gateway. */
export function grpcStatusOfError(code: ErrorCode): number {
  return OF_ERRORS[code]
}

const OF_HTTP: ReadonlyMap<number, number> = new Map([
  [400, INTERNAL],
  [401, UNAUTHENTICATED],
  [403, PERMISSION_DENIED],
  [404, UNIMPLEMENTED],
  [429, UNAVAILABLE],
  [502, UNAVAILABLE],
  [503, UNAVAILABLE],
  [504, UNAVAILABLE],
])

/** Returns the gRPC status of an answer that is plain HTTP (grpc/doc/http-grpc-status-mapping.md). */
export function grpcStatusOfHttp(status: number): number {
  return OF_HTTP.get(status) ?? UNKNOWN
}

/** By the error codes of RFC 9113 section 7. */
const OF_RESETS: ReadonlyMap<number, number> = new Map([
  [0x7, UNAVAILABLE], // REFUSED_STREAM
  [0x8, CANCELLED], // CANCEL
  [0xb, RESOURCE_EXHAUSTED], // ENHANCE_YOUR_CALM
  [0xc, PERMISSION_DENIED], // INADEQUATE_SECURITY
])

/**
 * Returns the gRPC status of a call that RST_STREAM ended (grpc/doc/PROTOCOL-HTTP2.md, "Errors").
 *
 * @param code the error code of RST_STREAM; NO_ERROR ends no call well either
 */
export function grpcStatusOfReset(code: number): number {
  return OF_RESETS.get(code) ?? INTERNAL
}

/** Reads the value of a `grpc-status` field. Returns undefined when it is not a number from 0 to 16. */
export function parseGrpcStatus(value: string): number | undefined {
  if (!/^\d{1,2}$/.test(value)) return undefined
  const status = Number(value)
  return status < GRPC_STATUS_NAMES.length ? status : undefined
}
