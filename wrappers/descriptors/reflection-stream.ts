import type { DescMessage } from '@bufbuild/protobuf'
import { grpcDialectOf } from '../../internal/grpc/content-type.ts'
import { readGrpcEnd } from '../../internal/grpc/grpc-end.ts'
import { decodeGrpcMessage } from '../../internal/grpc/percent.ts'
import { GRPC_STATUS, GRPC_STATUS_NAMES } from '../../internal/grpc/status.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { WholeBody } from '../../internal/whole-body.ts'
import { AnswerMessages } from '../grpc/answer-messages.ts'
import { JsonDecoder } from '../protobuf/json-decoder.ts'
import { JsonEncoder } from '../protobuf/json-encoder.ts'
import { standardTypes } from '../protobuf/standard-types.ts'
import { DescriptorError } from './repair.ts'

/** One question of the protocol. */
export type ReflectionQuestion =
  | { readonly listServices: '' }
  | { readonly fileContainingSymbol: string }
  | { readonly fileByFilename: string }

/** One answer, in the JSON form of `ServerReflectionResponse`. */
interface ReflectionAnswer {
  readonly listServicesResponse?: { readonly service?: readonly { readonly name?: string }[] }
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto?: readonly string[] }
  readonly errorResponse?: { readonly errorCode?: number; readonly errorMessage?: string }
}

const MAX_BYTES = 8 * 1024 * 1024
/**
 * Files in the answers to one call. Servers give the imports of a file with it, again and again. An empty file takes two
 * bytes.
 */
const MAX_GIVEN_FILES = 50_000
/** How many calls a node may end before all of their questions are answered. */
const MAX_REFUSALS = 16
/** Statuses that say nothing of a question: the call was given up, or broke off. */
const NO_ANSWER: ReadonlySet<number> = new Set([
  GRPC_STATUS.CANCELLED,
  GRPC_STATUS.DEADLINE_EXCEEDED,
  GRPC_STATUS.RESOURCE_EXHAUSTED,
  GRPC_STATUS.UNAVAILABLE,
])

const typeNamed = (name: string): DescMessage | undefined => standardTypes.getMessage(name)
const encoder = new JsonEncoder({ typeNamed })
const decoder = new JsonDecoder({ typeNamed })
const REQUEST = typeNamed('grpc.reflection.v1.ServerReflectionRequest')!
const ANSWER = typeNamed('grpc.reflection.v1.ServerReflectionResponse')!

/** Requests of the gateway itself belong to no route. */
const OWN_ROUTE: Route = {
  id: '',
  origin: 'auto',
  path: '/',
  service: '',
  stripPrefix: '',
  auth: { type: 'none' },
  timeoutMs: 5_000,
  balancer: 'weighted-round-robin',
  priority: 0,
  preserveHost: false,
}

/** Asks one node questions of one version of the protocol. Each list of questions is one call. */
export class ReflectionStream {
  readonly #method: string
  readonly #send: (request: UpstreamRequest) => Promise<UpstreamResponse>
  /** Bytes that may still come. */
  #bytesLeft = MAX_BYTES

  constructor(version: string, send: (request: UpstreamRequest) => Promise<UpstreamResponse>) {
    this.#method = `grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`
    this.#send = send
  }

  /** Returns the names of the services of the node; undefined when it does not know this version. */
  async listServices(): Promise<readonly string[] | undefined> {
    const answers: ReflectionAnswer[] = []
    const refusal = await this.#ask([{ listServices: '' }], answers)
    if (refusal?.status === GRPC_STATUS.UNIMPLEMENTED) return undefined
    const [answer] = answers
    if (answer?.listServicesResponse === undefined) {
      const said = answer?.errorResponse?.errorMessage ?? 'nothing'
      throw refusal?.error ?? new DescriptorError(`the node answered: ${said.slice(0, 200)}`)
    }
    return (answer.listServicesResponse.service ?? []).flatMap(({ name }) => name ?? [])
  }

  /**
   * Returns the files that answer questions. Questions that the node cannot answer are skipped.
   *
   * @throws DescriptorError when the node refuses too many of them, or a call breaks off: what was read is not all there is
   */
  async filesOf(questions: readonly ReflectionQuestion[]): Promise<Buffer[]> {
    const answers: ReflectionAnswer[] = []
    let refusals = 0
    for (let asked = 0; asked < questions.length; ) {
      const before = answers.length
      const refusal = await this.#ask(questions.slice(asked), answers)
      if (refusal === undefined) break
      if (NO_ANSWER.has(refusal.status) || ++refusals > MAX_REFUSALS) throw refusal.error
      // Some servers end the call at the first question that they cannot answer. The next call begins behind it.
      asked += answers.length - before + 1
    }
    const files = answers.flatMap(
      ({ fileDescriptorResponse }) => fileDescriptorResponse?.fileDescriptorProto ?? [],
    )
    if (files.length > MAX_GIVEN_FILES)
      throw new DescriptorError(`the node gave more than ${MAX_GIVEN_FILES} files at once`)
    return files.map(file => Buffer.from(file, 'base64'))
  }

  /**
   * Makes one call.
   *
   * @param answers receives the answers, in the order of their questions
   * @returns what the node said instead of the rest; undefined when it has answered everything
   */
  async #ask(
    questions: readonly ReflectionQuestion[],
    answers: ReflectionAnswer[],
  ): Promise<CallRefusal | undefined> {
    const messages = questions.map(question => encoder.encode(REQUEST, question))
    const answer = await this.#send({
      route: OWN_ROUTE,
      service: '',
      method: 'POST',
      target: `/${this.#method}`,
      headers: ['content-type', 'application/grpc', 'grpc-accept-encoding', 'identity'],
      body: new WholeBody(Buffer.concat(messages)),
      rpc: { method: this.#method, isIdempotent: true, isStreaming: true },
    })
    if (answer.status === 404) {
      answer.discard()
      return refusalOf(GRPC_STATUS.UNIMPLEMENTED, 'HTTP 404')
    }
    if (grpcDialectOf(getHeader(answer.headers, 'content-type') ?? '') !== 'grpc') {
      answer.discard()
      throw new DescriptorError(`the node answered HTTP ${answer.status} instead of gRPC`)
    }
    return this.#read(answer, answers, answers.length + questions.length)
  }

  /** @param maxAnswers how many `answers` may become */
  #read(
    answer: UpstreamResponse,
    answers: ReflectionAnswer[],
    maxAnswers: number,
  ): Promise<CallRefusal | undefined> {
    return new Promise((resolve, reject) => {
      const end = (lines: readonly string[]): void => {
        const { status, lines: said } = readGrpcEnd(lines)
        if (status === GRPC_STATUS.OK) resolve(undefined)
        else resolve(refusalOf(status, decodeGrpcMessage(getHeader(said, 'grpc-message') ?? '')))
      }
      if (answer.grpcStatus !== undefined) {
        answer.discard()
        end(answer.headers)
        return
      }
      const give = (error: Error): void => {
        reader.stop()
        answer.discard()
        reject(error)
      }
      const reader = new AnswerMessages(MAX_BYTES, {
        onMessage: bytes => {
          this.#bytesLeft -= bytes.length
          if (this.#bytesLeft < 0) {
            give(new DescriptorError(`the descriptors of the node have more than ${MAX_BYTES} bytes`))
            return true
          }
          if (answers.length === maxAnswers) {
            give(new DescriptorError('the node answered more than it was asked'))
            return true
          }
          try {
            answers.push(decoder.decode(ANSWER, bytes) as ReflectionAnswer)
          } catch (error) {
            give(new DescriptorError('the node answered something that is no reflection', error))
          }
          return true
        },
        onEnd: end,
        onBroken: () => reject(new DescriptorError('the node ended the connection')),
        onInvalid: give,
      })
      answer.sendBody(reader)
    })
  }
}

/** The status other than OK with which a node has ended a call. */
interface CallRefusal {
  readonly status: number
  readonly error: DescriptorError
}

function refusalOf(status: number, message: string): CallRefusal {
  const name = GRPC_STATUS_NAMES[status]
  return { status, error: new DescriptorError(`the node answered ${name}: ${message.slice(0, 200)}`) }
}
