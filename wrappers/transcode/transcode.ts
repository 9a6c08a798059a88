import type { BodyMemory } from '../../internal/body-memory.ts'
import type { Call } from '../../internal/call.ts'
import { GRPC_STATUS } from '../../internal/grpc/status.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import { pathOf } from '../../internal/http/target.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { RequestBody, UpstreamRequest, UpstreamResponse, Wrapper } from '../../internal/upstream.ts'
import { WholeBody } from '../../internal/whole-body.ts'
import { FieldFault } from '../protobuf/field-fault.ts'
import { earlyEnd, failedAnswer, invalidEnd } from './answer-json.ts'
import { streamFormatFor, unusableBody } from './media-types.ts'
import { toCallHeaders } from './metadata.ts'
import { LinesBody, readWholeBody } from './request-body.ts'
import type { RequestParts } from './request-message.ts'
import { readStreamAnswer } from './stream-answer.ts'
import type { StreamFormatName } from './stream-formats.ts'
import type { CallPlan, TranscodePlan } from './transcode-plan.ts'
import { type BodyRefusal, type OpenStream, readUnaryAnswer } from './unary-answer.ts'

/** Why a request could not become a call, or an answer no JSON; for metrics. */
export type TranscodeErrorReason = 'no-schema' | 'no-method' | 'request' | 'media-type' | 'answer'

/** Counts what is converted. */
export interface TranscodeCounter {
  message(service: string, direction: 'request' | 'answer'): void
  error(service: string, reason: TranscodeErrorReason): void
}

export interface TranscodeOptions {
  /** Whether plain requests of a route become calls. Called for each of them. */
  readonly isTranscoded: (route: Route, service: string) => boolean
  /** Returns how the requests of a route become calls; undefined when the schema of the service is not known yet. */
  readonly planOf: (route: Route, service: string) => TranscodePlan | undefined
  /** The longest message, in bytes, as protobuf and as JSON. */
  readonly maxMessageBytes: number
  readonly counter: TranscodeCounter
  /** Receives the answers that are on their way to clients as streams, so that a gateway that stops can end them. */
  readonly streams: Set<OpenStream>
}

/** What the bodies of requests that have not come as a whole may take together. Beyond that, requests are refused. */
const MAX_HELD_BYTES = 128 * 1024 * 1024

/**
 * Turns plain requests with JSON into gRPC calls, and the answers back into JSON. Each request is one call, whose messages
 * are in memory, except where the client or the node sends a stream: its messages are converted as they come.
 *
 * @throws GatewayError WG_NO_SCHEMA, WG_NO_METHOD, WG_METHOD_NOT_ALLOWED, WG_UNSUPPORTED_MEDIA, WG_BODY_TOO_LARGE,
 *   WG_OVERLOADED, or WG_BAD_REQUEST when the request is not the message of the method
 */
export function createTranscode(options: TranscodeOptions): Wrapper {
  const { isTranscoded, planOf, maxMessageBytes, counter, streams } = options
  const memory: BodyMemory = { bytes: 0, maxBytes: Math.max(MAX_HELD_BYTES, 2 * maxMessageBytes) }

  function refuse(service: string, reason: TranscodeErrorReason, error: GatewayError): GatewayError {
    counter.error(service, reason)
    return error
  }

  /** Finds the call of a request, and counts those that are for no method of the service. */
  function findCounted({ route, service, method, target }: UpstreamRequest): FoundCall {
    const plan = planOf(route, service)
    try {
      return findCall(plan, method, target)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      throw refuse(service, plan === undefined ? 'no-schema' : 'no-method', error)
    }
  }

  /** Makes the body of the call. @throws GatewayError when the request is not the message of the method */
  function encode(service: string, { call, captures, query }: FoundCall, parts: BodyParts): Buffer {
    try {
      const message = call.encode({ captures, query, ...parts })
      // A digit of JSON may become eight bytes.
      if (message.length > maxMessageBytes + PREFIX_BYTES) throw new GatewayError('WG_BODY_TOO_LARGE')
      counter.message(service, 'request')
      return message
    } catch (error) {
      if (!(error instanceof FieldFault)) throw error
      throw refuse(service, 'request', new GatewayError('WG_BAD_REQUEST', { detail: error.text }))
    }
  }

  async function bodyOf(
    request: UpstreamRequest,
    found: FoundCall,
    call: Call,
    refusal: BodyRefusal,
  ): Promise<RequestBody | null> {
    const { body, headers, service } = request
    const contentType = getHeader(headers, 'content-type')
    const unusable = body === null ? undefined : unusableBody(headers, found.call)
    if (unusable !== undefined) throw refuse(service, 'media-type', unusable)
    if (found.call.method.streamsRequest && found.call.hasBody) {
      if (body === null) return null
      return new LinesBody(body, {
        maxLineBytes: maxMessageBytes,
        memory,
        encode: line => encode(service, found, { body: line, contentType }),
        onRefused(error) {
          refusal.error = error
        },
      })
    }
    const whole =
      body === null ? undefined : await readWholeBody(body, { maxBytes: maxMessageBytes, memory, call })
    return new WholeBody(encode(service, found, { body: whole, contentType }))
  }

  function answerOf(
    answer: UpstreamResponse,
    { call: { format, method }, stream, refusal }: Answering,
    call: Call,
    service: string,
  ) {
    const end = earlyEnd(answer)
    if (end !== undefined && (end.status !== GRPC_STATUS.OK || !method.streamsAnswer)) {
      answer.discard()
      const isOk = end.status === GRPC_STATUS.OK
      return failedAnswer(isOk ? invalidEnd('there is no message') : end, format, call)
    }
    const context = {
      call,
      format,
      maxMessageBytes,
      refusal,
      streams,
      onMessage: () => counter.message(service, 'answer'),
      onInvalid: () => counter.error(service, 'answer'),
    }
    return method.streamsAnswer ? readStreamAnswer(answer, stream, context) : readUnaryAnswer(answer, context)
  }

  return next => {
    const transcode = async (request: UpstreamRequest, call: Call): Promise<UpstreamResponse> => {
      call.isTranscoded = true
      const found = findCounted(request)
      const { method } = found.call
      const refusal: BodyRefusal = { error: undefined }
      const body = await bodyOf(request, found, call, refusal)
      const isStreaming = method.streamsRequest || method.streamsAnswer
      // The timeout of the route begins again with each piece of a body, and ends with the first message of a stream.
      const waitsSince = request.body === null ? call.startedAt : performance.now()
      if (!isStreaming) call.deadlineAt = waitsSince + request.route.timeoutMs
      const stream = streamFormatFor(request.headers, found.plan.json.stream)
      const answer = await next(
        {
          ...request,
          method: 'POST',
          target: `/${method.name}`,
          headers: toCallHeaders(request.headers),
          body,
          rpc: {
            method: method.name,
            isIdempotent:
              method.isIdempotent || request.route.grpc?.idempotent?.includes(method.name) === true,
            isStreaming,
          },
          interim: undefined,
        },
        call,
      )
      const converted = await answerOf(answer, { call: found.call, stream, refusal }, call, request.service)
      return request.method === 'HEAD' ? withoutBody(converted) : converted
    }
    return (request, call) => {
      if (request.rpc !== undefined || !isTranscoded(request.route, request.service))
        return next(request, call)
      return transcode(request, call)
    }
  }
}

/**
 * Finds the call that a request with JSON makes.
 *
 * @param plan undefined = the schema of the service is not known yet
 * @param target as the route leaves it
 * @throws GatewayError WG_NO_SCHEMA, WG_NO_METHOD or WG_METHOD_NOT_ALLOWED
 */
export function findCall(plan: TranscodePlan | undefined, method: string, target: string): FoundCall {
  if (plan === undefined) throw new GatewayError('WG_NO_SCHEMA', { headers: { 'retry-after': '1' } })
  const path = pathOf(target)
  const match = plan.find(method, path)
  if (match !== undefined) {
    const query = target.slice(path.length + 1)
    return { plan, call: match.entry.value, captures: match.captures, query }
  }
  const allowed = plan.allowedMethods(path)
  if (allowed.length === 0) throw new GatewayError('WG_NO_METHOD')
  throw new GatewayError('WG_METHOD_NOT_ALLOWED', { headers: { allow: allowed.join(', ') } })
}

/** What a message has in front of it in a gRPC body. */
const PREFIX_BYTES = 5

/** The call that a request makes, and what its target says. */
interface FoundCall extends Pick<RequestParts, 'captures' | 'query'> {
  readonly plan: TranscodePlan
  readonly call: CallPlan
}

type BodyParts = Pick<RequestParts, 'body' | 'contentType'>

interface Answering {
  readonly call: CallPlan
  readonly stream: StreamFormatName
  readonly refusal: BodyRefusal
}

function withoutBody(answer: UpstreamResponse): UpstreamResponse {
  return {
    status: answer.status,
    headers: answer.headers,
    sendBody(target) {
      answer.discard()
      target.end()
    },
    discard: () => answer.discard(),
  }
}
