import type { DescField, DescMessage } from '@bufbuild/protobuf'
import type { Call } from '../../internal/call.ts'
import { grpcDialectOf } from '../../internal/grpc/content-type.ts'
import { brokenGrpcEnd, type GrpcEnd, readGrpcEnd } from '../../internal/grpc/grpc-end.ts'
import type { JsonOptions } from '../../internal/grpc/json-options.ts'
import { refusalOfHttp } from '../../internal/grpc/refusal.ts'
import { GRPC_STATUS } from '../../internal/grpc/status.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import { TrailerFilter } from '../../internal/http/trailers.ts'
import type { UpstreamResponse } from '../../internal/upstream.ts'
import { createWholeResponse } from '../../internal/whole-response.ts'
import type { JsonDecoder } from '../protobuf/json-decoder.ts'
import { isJsonObject } from '../protobuf/special-encoders.ts'
import { readWire, WireFault } from '../protobuf/wire-reader.ts'
import { isHttpBody } from './request-message.ts'
import { problemOf, type StatusProblem } from './status-problem.ts'

/** How the answers of a method are told to clients of JSON. */
export interface AnswerFormat {
  readonly output: DescMessage
  readonly decoder: JsonDecoder
  /** The field that is the body; undefined: the whole message is. */
  readonly bodyField: DescField | undefined
  readonly errors: JsonOptions['errors']
}

/** The body that a message becomes. */
export interface AnswerBody {
  readonly contentType: string
  readonly content: string | Buffer
}

/** Whether the messages are bodies of any type, which are passed on as they are. */
export function isRaw({ output, bodyField }: AnswerFormat): boolean {
  const message = bodyField ? bodyField.message : output
  return message !== undefined && bodyField?.fieldKind !== 'list' && isHttpBody(message)
}

/**
 * Returns the text of a message as JSON.
 *
 * @throws WireFault when the bytes are no such message, or its text is longer than a string can be
 */
export function jsonOf(format: AnswerFormat, bytes: Buffer): string {
  try {
    return textOf(format, bytes)
  } catch (error) {
    if (error instanceof RangeError) throw new WireFault('the message is too large as JSON')
    throw error
  }
}

function textOf({ output, decoder, bodyField }: AnswerFormat, bytes: Buffer): string {
  const json = decoder.decode(output, bytes)
  if (bodyField === undefined || !isJsonObject(json)) return JSON.stringify(json)
  const name = decoder.nameOf(bodyField)
  return JSON.stringify((Object.hasOwn(json, name) ? json[name] : decoder.defaultOf(bodyField)) ?? null)
}

/**
 * Returns the body that a message stands for.
 *
 * @throws WireFault when the bytes are no such message
 */
export function rawBodyOf({ bodyField }: AnswerFormat, bytes: Buffer): AnswerBody {
  const message = bodyField ? lastField(bytes, bodyField.number) : bytes
  const contentType = lastField(message, 1).toString('latin1')
  return {
    contentType: contentType === '' ? 'application/octet-stream' : contentType,
    // The bytes are used again.
    content: Buffer.from(lastField(message, 2)),
  }
}

function lastField(bytes: Buffer, number: number): Buffer {
  return readWire(
    bytes,
    reader => {
      let found: Uint8Array = NOTHING
      while (reader.pos < reader.end) {
        const tag = reader.uint32()
        if (tag === number * 8 + 2) found = reader.bytes()
        else reader.skipField(tag)
      }
      return found
    },
    Number.POSITIVE_INFINITY,
  ) as Buffer
}

const NOTHING = Buffer.alloc(0)

/** Returns why a whole answer is no gRPC call that goes on: it failed at once, or is plain HTTP. Undefined when it is one. */
export function earlyEnd({ grpcStatus, headers, status }: UpstreamResponse): GrpcEnd | undefined {
  if (grpcDialectOf(getHeader(headers, 'content-type') ?? '') !== 'grpc')
    return refusalOfHttp(status, headers)
  return grpcStatus === undefined ? undefined : readGrpcEnd(headers)
}

/** The end of a call whose messages cannot be read. */
export function invalidEnd(reason: string): GrpcEnd {
  return brokenGrpcEnd(GRPC_STATUS.INTERNAL, `the service sent an answer that cannot be read: ${reason}`)
}

/** The end of a call that its node broke off. */
export const BROKEN_OFF: GrpcEnd = brokenGrpcEnd(GRPC_STATUS.UNAVAILABLE, 'the service ended the connection')

function problemAnswer(problem: StatusProblem, lines: readonly string[]): UpstreamResponse {
  const headers = [...trailerFieldsOf(lines), 'content-type', problem.contentType]
  if (problem.retryAfter !== undefined) headers.push('retry-after', String(problem.retryAfter))
  return createWholeResponse(problem.httpStatus, headers, Buffer.from(JSON.stringify(problem.document)))
}

/** Returns the answer to a call that failed, with the metadata that its node sent. */
export function failedAnswer(end: GrpcEnd, format: AnswerFormat, call: Call): UpstreamResponse {
  return problemAnswer(problemOf(end, { decoder: format.decoder, format: format.errors, call }), end.lines)
}

/** Fields of gRPC, of the body or the connection of the node's answer, and those that only the gateway sets. */
const NOT_METADATA =
  /^(?:grpc-|content-|x-waygate-|x-request-id$|trailer$|te$|connection$|keep-alive$|upgrade$|transfer-encoding$)/i

const trailerFilter = new TrailerFilter()

/** Returns the metadata among the trailers of a gRPC answer. In plain HTTP, less may be there than in the head. */
export function trailerFieldsOf(lines: readonly string[]): string[] {
  return fieldsOf(trailerFilter.fields(lines, undefined) ?? [])
}

/** Returns the metadata among the fields of a gRPC answer: what is not about gRPC or the body. */
export function fieldsOf(lines: readonly string[]): string[] {
  const fields: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    if (!NOT_METADATA.test(lines[i]!)) fields.push(lines[i]!, lines[i + 1]!)
  }
  return fields
}
