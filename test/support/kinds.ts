import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DescMessage, fromBinary, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf'
import { readDescriptorSet } from '../../wrappers/descriptors/repair.ts'
import { createSchema } from '../../wrappers/descriptors/schema.ts'
import { JsonDecoder, type JsonDecoderOptions } from '../../wrappers/protobuf/json-decoder.ts'
import { JsonEncoder } from '../../wrappers/protobuf/json-encoder.ts'

const FILE = join(import.meta.dirname, '../fixtures/grpc/kinds.binpb')
export const { types } = createSchema(readDescriptorSet(readFileSync(FILE)))
/** A message with every kind of field. */
export const KINDS = types.getMessage('kinds.v1.Kinds')!

const typeNamed = (name: string): DescMessage | undefined => types.getMessage(name)
const encoder = new JsonEncoder({ typeNamed })
const PREFIX_BYTES = 5

/** Encodes JSON as the gateway does, without the prefix. */
export function encodeKinds(json: unknown): Buffer {
  return encoder.encode(KINDS, json).subarray(PREFIX_BYTES)
}

export function decodeKinds(bytes: Uint8Array, options: Partial<JsonDecoderOptions> = {}): unknown {
  return new JsonDecoder({ typeNamed, ...options }).decode(KINDS, Buffer.from(bytes))
}

/** Encodes and decodes as @bufbuild/protobuf does, which passes the conformance tests of Protocol Buffers. */
export const REFERENCE = {
  encode: (json: unknown): Buffer =>
    Buffer.from(toBinary(KINDS, fromJson(KINDS, json as JsonValue, { registry: types }))),
  decode: (bytes: Uint8Array, alwaysEmitImplicit = false): unknown =>
    toJson(KINDS, fromBinary(KINDS, bytes), { registry: types, alwaysEmitImplicit }),
  /** The same message, its fields in the order of their numbers. */
  inOrder: (bytes: Uint8Array): Buffer => Buffer.from(toBinary(KINDS, fromBinary(KINDS, bytes))),
}
