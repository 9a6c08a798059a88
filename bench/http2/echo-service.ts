import type { ServiceDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const definition = loadSync('echo.proto', {
  includeDirs: [import.meta.dirname],
  longs: String,
  enums: String,
})

/** `echo.proto` as grpc-js wants it, with names and values as JSON has them. */
export const echoService = definition['bench.v1.Echo'] as ServiceDefinition

/** Paths of the methods. */
export const UNARY = echoService.Unary!.path
export const STREAM = echoService.Stream!.path

/** Encodes a message as the body of a gRPC request (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** Encodes a task. */
export function encodeTask(task: object): Buffer {
  return echoService.Unary!.requestSerialize(task)
}

/** Returns `echo.proto` as a google.protobuf.FileDescriptorSet. */
export function echoDescriptors(): Buffer {
  const { fileDescriptorProtos } = definition['bench.v1.Task'] as { fileDescriptorProtos: Buffer[] }
  // `repeated FileDescriptorProto file = 1`, whose length is a varint.
  return Buffer.concat(fileDescriptorProtos.flatMap(file => [varints(0x0a, file.length), file]))
}

function varints(...values: number[]): Buffer {
  const bytes: number[] = []
  for (let value of values) {
    for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
    bytes.push(value)
  }
  return Buffer.from(bytes)
}
