import type { Call } from '../../internal/call.ts'
import { type GrpcEnd, readGrpcEnd } from '../../internal/grpc/grpc-end.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { UpstreamResponse } from '../../internal/upstream.ts'
import { createWholeResponse } from '../../internal/whole-response.ts'
import { AnswerMessages } from '../grpc/answer-messages.ts'
import { WireFault } from '../protobuf/wire-reader.ts'
import {
  type AnswerBody,
  type AnswerFormat,
  failedAnswer,
  fieldsOf,
  invalidEnd,
  isRaw,
  jsonOf,
  rawBodyOf,
  trailerFieldsOf,
} from './answer-json.ts'

/** Why the gateway itself ended a call in the middle of its request, if it did. */
export interface BodyRefusal {
  error: GatewayError | undefined
}

/** An answer of several messages on its way to a client. */
export interface OpenStream {
  /** Ends it with a failure, as if its call had ended so. */
  fail(end: GrpcEnd): void
}

export interface AnswerContext {
  readonly call: Call
  /** As long as the client has got nothing, it gets this error and not the status that the call ended with. */
  readonly refusal: BodyRefusal
  readonly format: AnswerFormat
  /** Has each answer of several messages from its head to its end. */
  readonly streams: Set<OpenStream>
  /** The longest message that is accepted. */
  readonly maxMessageBytes: number
  /** Called with each message of the node. */
  readonly onMessage: () => void
  /** Called when the node's answer cannot be read. */
  readonly onInvalid: () => void
}

/**
 * Reads the whole answer to a call with one message, and returns it as JSON.
 *
 * @throws GatewayError when the request is refused or the node breaks off; UpstreamFailure when the call was ended
 */
export function readUnaryAnswer(answer: UpstreamResponse, context: AnswerContext): Promise<UpstreamResponse> {
  const { call, format, maxMessageBytes } = context
  return new Promise((resolve, reject) => {
    let body: AnswerBody | undefined
    const fail = (end: GrpcEnd): void => {
      if (context.refusal.error !== undefined) reject(context.refusal.error)
      else resolve(failedAnswer(end, format, call))
    }
    const invalid = (reason: string): void => {
      context.onInvalid()
      reader.stop()
      answer.discard()
      fail(invalidEnd(reason))
    }
    const reader = new AnswerMessages(maxMessageBytes, {
      onMessage(bytes) {
        context.onMessage()
        if (body !== undefined) {
          invalid('there is more than one message')
          return true
        }
        try {
          body = bodyOf(format, bytes)
        } catch (error) {
          if (!(error instanceof WireFault)) throw error
          invalid(error.message)
        }
        return true
      },
      onEnd(trailers) {
        const end = readGrpcEnd(trailers)
        if (end.status !== 0) fail(end)
        else if (body === undefined) {
          context.onInvalid()
          fail(invalidEnd('there is no message'))
        } else resolve(wholeAnswer(answer, body, trailers))
      },
      onBroken() {
        reject(asError(call))
      },
      onInvalid(error) {
        invalid(error.message)
      },
    })
    answer.sendBody(reader)
  })
}

function bodyOf(format: AnswerFormat, bytes: Buffer): AnswerBody {
  if (isRaw(format)) return rawBodyOf(format, bytes)
  return { contentType: 'application/json', content: jsonOf(format, bytes) }
}

function wholeAnswer(
  { headers }: UpstreamResponse,
  { content, contentType }: AnswerBody,
  trailers: readonly string[],
): UpstreamResponse {
  const fields = [...fieldsOf(headers), ...trailerFieldsOf(trailers), 'content-type', contentType]
  return createWholeResponse(200, fields, typeof content === 'string' ? Buffer.from(content) : content)
}

/** Returns why an answer that has begun did not become whole. */
function asError(call: Call): Error {
  const { ended } = call
  if (ended?.kind === 'timeout') return new GatewayError('WG_UPSTREAM_TIMEOUT', { cause: ended })
  return ended ?? new GatewayError('WG_UPSTREAM_UNREACHABLE', { cause: 'the service ended the connection' })
}
