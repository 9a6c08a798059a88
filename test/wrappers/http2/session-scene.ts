import type { TestContext } from 'node:test'
import { Call } from '../../../internal/call.ts'
import type { UpstreamRequest, UpstreamResponse } from '../../../internal/upstream.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { createSessionCounts } from '../../../wrappers/http2/session-pool.ts'
import type { PeerOptions } from '../../../wrappers/node/upstream-peer.ts'
import { realPeer } from '../../support/front.ts'
import { testRequest } from '../../support/route.ts'
import { readAnswer } from '../../support/test-response.ts'

/** A request under way. */
export interface SentCall {
  readonly call: Call
  readonly answer: Promise<UpstreamResponse>
  /** Resolves with the kind of failure, or with the status of the answer. */
  readonly result: Promise<string | number>
  /** Resolves with the body of the answer, or with `aborted` when the node broke off. */
  readonly text: Promise<string>
  cancel(): void
}

interface SceneOptions extends Partial<PeerOptions['session']> {
  readonly host?: string
  /** Default: `h2c`. */
  readonly protocol?: string
  readonly tlsOf?: PeerOptions['tlsOf']
}

/** Makes requests to one node that speaks HTTP/2, without any wrapper around them. */
export function startSessionScene(
  t: TestContext,
  port: number,
  { host, protocol = 'h2c', tlsOf, ...session }: SceneOptions = {},
) {
  const counts = createSessionCounts()
  const peer = realPeer(t, port, {
    ...(host && { host }),
    protocol,
    ...(tlsOf && { tlsOf }),
    session: { counts, ...session },
  })
  const send = (values: Partial<UpstreamRequest> = {}): SentCall => {
    const request = testRequest(values)
    const call = new Call('id', request.method, request.target, performance.now())
    const answer = peer.transport.send(request, call)
    answer.catch(() => {})
    return {
      call,
      answer,
      get result() {
        return answer.then(
          ({ status }) => status,
          error => (error instanceof UpstreamFailure ? error.kind : String(error)),
        )
      },
      get text() {
        return answer.then(async found => {
          const { isAborted, text } = await readAnswer(found)
          return isAborted ? 'aborted' : text
        })
      },
      cancel: () => call.end(new UpstreamFailure('aborted')),
    }
  }
  return { peer, counts, send }
}
