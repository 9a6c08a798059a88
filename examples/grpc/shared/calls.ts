import * as grpc from '@grpc/grpc-js'
import { Problem } from '../../shared/problem.ts'

const STATUS_OF: Readonly<Record<number, grpc.status>> = {
  400: grpc.status.INVALID_ARGUMENT,
  401: grpc.status.UNAUTHENTICATED,
  404: grpc.status.NOT_FOUND,
  409: grpc.status.ALREADY_EXISTS,
}

type AnyCall = grpc.ServerUnaryCall<unknown, unknown> | grpc.ServerReadableStream<unknown, unknown>

/**
 * Makes a handler of a unary or client-streaming call out of a function that returns the answer. What the function throws
 * becomes the status of the call: a {@link Problem} as it is, and anything else as INTERNAL without its details.
 */
export function answering<Call extends AnyCall, Answer>(
  answer: (call: Call) => Answer | Promise<Answer>,
): (call: Call, callback: grpc.sendUnaryData<Answer>) => void {
  return async (call, callback) => {
    try {
      callback(null, await answer(call))
    } catch (error) {
      callback(statusOf(error))
    }
  }
}

/** Returns the status that a client gets for what a layer below has thrown. */
export function statusOf(error: unknown): { code: grpc.status; details: string } {
  if (error instanceof Problem) {
    const code = STATUS_OF[error.statusCode] ?? grpc.status.UNKNOWN
    return { code, details: error.message }
  }
  console.error(error)
  return { code: grpc.status.INTERNAL, details: 'the service failed to answer' }
}

/**
 * Returns the id of the user who calls. The gateway sets `x-user-id` from a token that it has verified, and drops it from
 * the metadata of clients. A service that trusts it must be reachable only through the gateway.
 *
 * @throws Problem 401 when the call has no user
 */
export function callerOf({ metadata }: { metadata: grpc.Metadata }): string {
  const [id] = metadata.get('x-user-id')
  if (typeof id === 'string' && id !== '') return id
  throw new Problem(401, 'this method needs a call through the gateway, with a token')
}
