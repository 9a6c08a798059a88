import { GRPCNotImplementedError } from 'etcd3'

const STATUS_PREFIX = /^\d+ [A-Z_]+: /
const GO_PREFIX = /^rpc error: code = \w+ desc = /
/** An error as OpenSSL prints it: `ID:error:CODE:library:function:what:file:line:more`. */
const OPENSSL_ERROR = /[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):[^\n]*\n?/
const TIME = / *\(\d{4}-\d\d-\d\dT[\d:.]+Z\)/g
const EMPTY_NOTE = /\.? *Resolution note: *$/
const CLIENT_CERTIFICATE = /alert (?:bad certificate|certificate required|unknown ca)/

/** Returns etcd's error message without the prefixes that gRPC adds. */
export function plainReason(message: string): string {
  return message
    .replace(STATUS_PREFIX, '')
    .replace(GO_PREFIX, '')
    .replace(/^etcdserver: /, '')
}

/** Whether an error is one with which gRPC ends a call. */
export function isCallError(error: unknown): error is Error {
  return error instanceof Error && STATUS_PREFIX.test(error.message)
}

/** Returns gRPC's reason for a failed connection without the parts that do not help people. */
export function connectionReason(message: string): string {
  const reason = message.replace(OPENSSL_ERROR, '$1').replace(TIME, '').replace(EMPTY_NOTE, '').trim()
  return CLIENT_CERTIFICATE.test(reason)
    ? `${reason} (etcd requires a client certificate from an authority it trusts)`
    : reason
}

/** `ErrInvalidAuthToken`, `ErrAuthOldRevision` and `ErrUserEmpty` of etcd's `api/v3rpc/rpctypes`. */
export const TOKEN_ERRORS = ['invalid auth token', 'revision of auth store is old', 'user name is empty']
const NOT_ENABLED = 'authentication is not enabled'
/** The beginning of the message of a call that failed because there was no token. */
export const NO_TOKEN_MESSAGE = 'no token from etcd'

/** Whether etcd rejected a call for a missing or an invalid token. Such a call had no effect. */
export function isTokenError(details: string): boolean {
  return TOKEN_ERRORS.some(text => details.includes(`etcdserver: ${text}`))
}

/** Whether a request for a token failed because etcd has no users. */
export function hasNoUsers(error: unknown): boolean {
  return (
    error instanceof GRPCNotImplementedError ||
    (error instanceof Error && error.message.includes(NOT_ENABLED))
  )
}

/** Whether a call failed because there was no token for it. */
export function isNoToken(error: Error): boolean {
  return error.message.includes(NO_TOKEN_MESSAGE)
}
