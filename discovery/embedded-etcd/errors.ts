import { QuietError } from '../../internal/http/quiet-error.ts'

/** The gRPC status of an error, by its name in the gRPC specification. */
export type StatusName =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'FAILED_PRECONDITION'
  | 'OUT_OF_RANGE'
  | 'RESOURCE_EXHAUSTED'
  | 'UNIMPLEMENTED'
  | 'UNAVAILABLE'

/**
 * All errors that a client can get. Clients such as Go's clientv3 recognise etcd's errors by their text, so
 * both status and text are etcd's own.
 *
 * @see https://github.com/etcd-io/etcd/blob/release-3.4/etcdserver/api/v3rpc/rpctypes/error.go
 */
const ERRORS = {
  emptyKey: ['INVALID_ARGUMENT', 'etcdserver: key is not provided'],
  keyNotFound: ['INVALID_ARGUMENT', 'etcdserver: key not found'],
  valueProvided: ['INVALID_ARGUMENT', 'etcdserver: value is provided'],
  leaseProvided: ['INVALID_ARGUMENT', 'etcdserver: lease is provided'],
  tooManyOps: ['INVALID_ARGUMENT', 'etcdserver: too many operations in txn request'],
  duplicateKey: ['INVALID_ARGUMENT', 'etcdserver: duplicate key given in txn request'],
  requestTooLarge: ['INVALID_ARGUMENT', 'etcdserver: request is too large'],
  compacted: ['OUT_OF_RANGE', 'etcdserver: mvcc: required revision has been compacted'],
  futureRevision: ['OUT_OF_RANGE', 'etcdserver: mvcc: required revision is a future revision'],
  leaseNotFound: ['NOT_FOUND', 'etcdserver: requested lease not found'],
  leaseExists: ['FAILED_PRECONDITION', 'etcdserver: lease already exists'],
  leaseTtlTooLarge: ['OUT_OF_RANGE', 'etcdserver: too large lease TTL'],
  noSpace: ['RESOURCE_EXHAUSTED', 'etcdserver: mvcc: database space exceeded'],
  authNotEnabled: ['FAILED_PRECONDITION', 'etcdserver: authentication is not enabled'],
  stopped: ['UNAVAILABLE', 'etcdserver: server stopped'],
} as const satisfies Record<string, readonly [StatusName, string]>

/** An error with etcd's own status and text. */
export class EtcdError extends Error {
  readonly status: StatusName

  constructor(status: StatusName, message: string) {
    super(message)
    this.name = 'EtcdError'
    this.status = status
  }
}

export function etcdError(reason: keyof typeof ERRORS): EtcdError {
  const [status, message] = ERRORS[reason]
  return new EtcdError(status, message)
}

/** The data folder cannot be used. The message names it and the cure. */
export class DataFolderError extends QuietError {
  override readonly name = 'DataFolderError'
}
