import { GRPCNotImplementedError } from 'etcd3'

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
