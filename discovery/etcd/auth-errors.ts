import { GRPCNotImplementedError } from 'etcd3'

/** `ErrInvalidAuthToken`, `ErrAuthOldRevision` and `ErrUserEmpty` of etcd's `api/v3rpc/rpctypes`. */
const TOKEN_ERRORS = ['invalid auth token', 'revision of auth store is old', 'user name is empty']
const NOT_ENABLED = 'authentication is not enabled'
/** How the message begins of a call that failed for want of a token. */
export const NO_TOKEN_MESSAGE = 'no token from etcd'

/** Whether etcd says that a call had no token, or one that is of no use any more. It did nothing then. */
export function isTokenError(details: string): boolean {
  return TOKEN_ERRORS.some(text => details.includes(`etcdserver: ${text}`))
}

/** Whether etcd, asked for a token, says that it knows no users. */
export function hasNoUsers(error: unknown): boolean {
  return (
    error instanceof GRPCNotImplementedError ||
    (error instanceof Error && error.message.includes(NOT_ENABLED))
  )
}

/** Whether a call failed for want of a token. */
export function isNoToken(error: Error): boolean {
  return error.message.includes(NO_TOKEN_MESSAGE)
}
