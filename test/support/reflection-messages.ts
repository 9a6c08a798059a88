import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { readDescriptorSet } from '../../wrappers/descriptors/repair.ts'
import { JsonDecoder } from '../../wrappers/protobuf/json-decoder.ts'
import { JsonEncoder } from '../../wrappers/protobuf/json-encoder.ts'
import { standardTypes } from '../../wrappers/protobuf/standard-types.ts'
import { writeMessage } from './grpc-message.ts'

// What a node with server reflection reads and writes, without a node.

const typeNamed = (name: string) => standardTypes.getMessage(name)
const encoder = new JsonEncoder({ typeNamed })
const decoder = new JsonDecoder({ typeNamed })
const QUESTION = typeNamed('grpc.reflection.v1.ServerReflectionRequest')!
const ANSWER = typeNamed('grpc.reflection.v1.ServerReflectionResponse')!
/** The files of `task.proto`; the last one has its services. */
export const TASK = readDescriptorSet(
  readFileSync(join(import.meta.dirname, '../fixtures/grpc/task.binpb')),
).map(file => ({ name: file.name, bytes: Buffer.from(toBinary(FileDescriptorProtoSchema, file)) }))

export type Question = { listServices?: string; fileContainingSymbol?: string; fileByFilename?: string }

/** Reads the questions of a call. */
export function questionsOf({ body }: UpstreamRequest): Question[] {
  const chunks: Buffer[] = []
  body!.open({ onData: chunk => chunks.push(chunk), onEnd() {}, onError() {} }).resume()
  const bytes = Buffer.concat(chunks)
  const questions: Question[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1)
    questions.push(decoder.decode(QUESTION, bytes.subarray(at + 5, end)) as Question)
    at = end
  }
  return questions
}

/** Returns an answer in gRPC with messages and, unless it is trailers-only, trailers behind them. */
export function answered(messages: readonly Buffer[], status = 0): UpstreamResponse {
  const trailers = ['grpc-status', String(status)]
  const isEmpty = messages.length === 0
  return {
    status: 200,
    headers: ['content-type', 'application/grpc', ...(isEmpty ? trailers : [])],
    ...(isEmpty && { grpcStatus: status }),
    sendBody(target) {
      for (const message of messages) target.write(writeMessage(message))
      target.endWithTrailers(trailers)
    },
    discard() {},
  }
}

const say = (json: object): Buffer => encoder.encode(ANSWER, json).subarray(5)
/** An answer that lists services. */
export const services = (...names: string[]): Buffer =>
  say({ listServicesResponse: { service: names.map(name => ({ name })) } })
/** An answer with descriptors of files. */
export const filesOf = (...bytes: Buffer[]): Buffer =>
  say({ fileDescriptorResponse: { fileDescriptorProto: bytes.map(each => each.toString('base64')) } })
export const NOT_FOUND: Buffer = say({ errorResponse: { errorCode: 5, errorMessage: 'not found' } })
