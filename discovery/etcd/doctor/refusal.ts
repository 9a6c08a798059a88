import {
  EtcdPermissionDeniedError,
  GRPCCancelledError,
  GRPCDeadlineExceededError,
  GRPCNotImplementedError,
  GRPCUnavailableError,
} from 'etcd3'
import { plainReason } from '../error-text.ts'
import { NotInTimeError } from './within.ts'

/**
 * Why a call came to nothing: `denied` = this user may not, `user` = etcd wants a user that it accepts,
 * `unknown` = this etcd has no such call, `foreign` = what answers is no etcd, `silent` = there was no answer
 * at all, `failed` = anything else.
 */
export type RefusalKind = 'denied' | 'user' | 'unknown' | 'foreign' | 'silent' | 'failed'

export interface Refusal {
  readonly kind: RefusalKind
  /** In etcd's words, without those of gRPC. */
  readonly reason: string
}

/** What etcd says, in `api/v3rpc/rpctypes`, to a call without a token it accepts. */
const WANTS_USER = /user name is empty|invalid auth token|revision of auth store is old/
/** What grpc-js and gRPC servers say where something else than etcd was reached. */
const FOREIGN = /HTTP status code|unknown service|unimplemented service/i

export function refusalOf(error: unknown): Refusal {
  const reason = refusalReason(error)
  if (FOREIGN.test(reason)) return { kind: 'foreign', reason }
  if (error instanceof EtcdPermissionDeniedError) return { kind: 'denied', reason }
  if (WANTS_USER.test(reason)) return { kind: 'user', reason }
  if (error instanceof GRPCNotImplementedError) return { kind: 'unknown', reason }
  if (
    error instanceof NotInTimeError ||
    error instanceof GRPCDeadlineExceededError ||
    error instanceof GRPCUnavailableError ||
    error instanceof GRPCCancelledError
  ) {
    return { kind: 'silent', reason }
  }
  return { kind: 'failed', reason }
}

/** What went wrong, for people. */
export function refusalReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof GRPCDeadlineExceededError) return 'no answer in time'
  return plainReason(error.message)
}
