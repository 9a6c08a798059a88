import type { ServerResponse } from 'node:http'
import type { Call } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { sendProblem } from '../../middleware/problem.ts'

export interface RefuseOptions {
  /** Whether answers tell clients to open another connection, since this process is about to go. */
  readonly isDraining: () => boolean
  /** Told of errors that are ours. */
  readonly onInternalError: (error: unknown) => void
}

/** Ends a call for which there is no answer to pass on: tells the client why, and notes it for the log. */
export type Refuse = (error: unknown, response: ServerResponse, call: Call) => void

export function createRefuse({ isDraining, onInternalError }: RefuseOptions): Refuse {
  return (error, response, call) => {
    // The client has left: nobody to tell, and nothing of ours went wrong.
    if (error instanceof UpstreamFailure && error.kind === 'aborted') return
    let known: GatewayError
    if (error instanceof GatewayError) known = error
    else {
      onInternalError(error)
      known = new GatewayError('WG_INTERNAL', { cause: error })
    }
    call.errorCode = known.code
    call.failure = known.cause
    // What is left of a body that did not come in time is not waited for.
    const closes = known.code === 'WG_REQUEST_TIMEOUT' || isDraining()
    sendProblem(response, known, call.requestId, closes)
  }
}
