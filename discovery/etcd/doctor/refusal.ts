import {
  EtcdPermissionDeniedError,
  GRPCCancelledError,
  GRPCDeadlineExceededError,
  GRPCNotImplementedError,
  GRPCUnavailableError,
} from 'etcd3'
import { plainReason, TOKEN_ERRORS } from '../etcd-errors.ts'
import { NotInTimeError } from './within.ts'

/**
 * Why a call failed. `denied`: this user lacks a permission. `user`: etcd requires a valid user. `unknown`:
 * this etcd does not have the call. `foreign`: the server is not etcd. `silent`: there was no answer.
 * `failed`: any other reason.
 */
export type RefusalKind = 'denied' | 'user' | 'unknown' | 'foreign' | 'silent' | 'failed'

export interface Refusal {
  readonly kind: RefusalKind
  /** etcd's message without the prefixes that gRPC adds. */
  readonly reason: string
}

/** The messages of grpc-js and of gRPC servers when the server is not etcd. */
const FOREIGN = /HTTP status code|unknown service|unimplemented service/i

export function refusalOf(error: unknown): Refusal {
  const reason = refusalReason(error)
  if (FOREIGN.test(reason)) return { kind: 'foreign', reason }
  if (error instanceof EtcdPermissionDeniedError) return { kind: 'denied', reason }
  if (TOKEN_ERRORS.some(text => reason.includes(text))) return { kind: 'user', reason }
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

/** Returns the reason of an error, as text for people. */
export function refusalReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof GRPCDeadlineExceededError) return 'no answer in time'
  return plainReason(error.message)
}
