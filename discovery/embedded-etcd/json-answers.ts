import { status } from '@grpc/grpc-js'

/** The status and the text with which a call has failed. */
export interface Failure {
  readonly code: status
  readonly details: string
}

/** The statuses of HTTP that etcd 3.4 answers for those of gRPC. Others are 500. */
const HTTP_STATUSES: ReadonlyMap<status, number> = new Map([
  [status.INVALID_ARGUMENT, 400],
  [status.OUT_OF_RANGE, 400],
  [status.PERMISSION_DENIED, 403],
  [status.NOT_FOUND, 404],
  [status.FAILED_PRECONDITION, 412],
  [status.RESOURCE_EXHAUSTED, 429],
  [status.UNIMPLEMENTED, 501],
  [status.UNAVAILABLE, 503],
])

export function failureStatusOf({ code }: Failure): number {
  return HTTP_STATUSES.get(code) ?? 500
}

/** Writes the body of an answer that has failed. */
export function writeFailure({ code, details }: Failure): string {
  return JSON.stringify({ error: details, message: details, code })
}

/** Writes the last message of a stream that has failed after its head was sent. */
export function writeStreamFailure(failure: Failure, reason: string): string {
  const { code, details } = failure
  const http_code = failureStatusOf(failure)
  return `${JSON.stringify({ error: { grpc_code: code, http_code, message: details, http_status: reason } })}\n`
}

/**
 * Writes a response as etcd does: names as in the protocol, bytes in base64, numbers of 64 bits as strings. Fields that have
 * their default are left out.
 *
 * @param message as protobuf has decoded it, with 64-bit numbers as strings
 */
export function writeAnswer(message: object): string {
  return JSON.stringify(shown(message))
}

/** The names of the kinds of events, the only enum in a response. */
const EVENT_TYPES = ['PUT', 'DELETE']
/** A name that protobufjs adds to a message which is one of several: which one it is. */
const KIND = 'response'

function shown(message: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(message)
      .filter(([name, value]) => name !== KIND && !isDefault(value))
      .map(([name, value]) => [name, name === 'type' ? EVENT_TYPES[value as number] : shownValue(value)]),
  )
}

function shownValue(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (Array.isArray(value)) return value.map(shownValue)
  return typeof value === 'object' ? shown(value as object) : value
}

function isDefault(value: unknown): boolean {
  if (Buffer.isBuffer(value) || Array.isArray(value)) return value.length === 0
  return !value || value === '0'
}
