import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  ScalarType,
  toJson,
} from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  MethodOptions_IdempotencyLevel as Idempotency,
} from '@bufbuild/protobuf/wkt'
import type { HttpRule } from '../../internal/grpc/http-rule.ts'
import { isAboutTheNode, type MethodTraits } from '../../internal/grpc/rpc.ts'
import { standardTypes } from '../protobuf/standard-types.ts'
import { HTTP_OPTION } from './descriptor-size.ts'
import { DescriptorError, readDescriptorSet, repairFiles } from './repair.ts'

/** A method of a gRPC service. */
export interface GrpcMethod extends MethodTraits {
  /** `package.Service/Method` */
  readonly name: string
  readonly input: DescMessage
  readonly output: DescMessage
  /** Whether its descriptor says that it changes nothing. */
  readonly isSafe: boolean
  /** Its `google.api.http` annotation; undefined when it has none. */
  readonly rule: HttpRule | undefined
}

/** What the nodes of one service can be asked, and in which form. */
export interface ServiceSchema {
  readonly types: FileRegistry
  /** The names of its gRPC services, such as `task.v1.Tasks`, sorted. */
  readonly services: readonly string[]
  readonly methods: readonly GrpcMethod[]
}

/**
 * Builds the schema of a service from its files, which are repaired first.
 *
 * @throws DescriptorError when they are not consistent
 */
export function createSchema(files: readonly FileDescriptorProto[]): ServiceSchema {
  const types = createTypes(repairFiles(files))
  const services = []
  for (const type of types) {
    if (type.kind === 'message') checkMessage(type)
    // The first value of an enum is its default.
    if (type.kind === 'enum' && type.values.length === 0)
      throw new DescriptorError(`the enum ${type.typeName} has no values`)
    if (type.kind === 'service' && !isAboutTheNode(type.typeName)) services.push(type)
  }
  services.sort((a, b) => (a.typeName < b.typeName ? -1 : 1))
  return {
    types,
    services: services.map(({ typeName }) => typeName),
    methods: services.flatMap(({ methods }) => methods.map(toMethod)),
  }
}

/**
 * Builds the schema of a service from a FileDescriptorSet.
 *
 * @throws DescriptorError when the bytes are none, when it is not consistent, or when it has no gRPC service: an empty file,
 *   or that of the messages alone, must not take the place of what is known
 */
export function readSchema(bytes: Buffer): ServiceSchema {
  const schema = createSchema(readDescriptorSet(bytes))
  if (schema.services.length === 0) throw new DescriptorError('it has no gRPC service')
  return schema
}

/** @param files each behind those that it imports */
function createTypes(files: readonly FileDescriptorProto[]): FileRegistry {
  const byName = new Map(files.map(file => [file.name, file]))
  // A file that imports all others. The library adds the imports of a file last one first.
  const root = create(FileDescriptorProtoSchema, {
    name: 'waygate/root.proto',
    syntax: 'proto3',
    dependency: files.map(({ name }) => name).reverse(),
  })
  try {
    return createFileRegistry(root, name => byName.get(name) ?? standardTypes.getFile(name))
  } catch (cause) {
    throw new DescriptorError(`it is not consistent (${(cause as Error).message})`, cause)
  }
}

const MAX_FIELD_NUMBER = 536_870_911

/** The library takes the numbers of fields and types as they are. */
function checkMessage({ fields, typeName }: DescMessage): void {
  const numbers = new Set<number>()
  for (const { number, name, scalar } of fields) {
    if (!(number >= 1 && number <= MAX_FIELD_NUMBER) || numbers.has(number)) {
      throw new DescriptorError(`the field ${typeName}.${name} has the number ${number}`)
    }
    numbers.add(number)
    if (scalar !== undefined && ScalarType[scalar] === undefined) {
      throw new DescriptorError(`the field ${typeName}.${name} has an unknown type`)
    }
  }
}

function toMethod(method: DescMethod): GrpcMethod {
  return {
    name: `${method.parent.typeName}/${method.name}`,
    input: method.input,
    output: method.output,
    streamsRequest: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    streamsAnswer: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    isIdempotent: method.idempotency !== Idempotency.IDEMPOTENCY_UNKNOWN,
    isSafe: method.idempotency === Idempotency.NO_SIDE_EFFECTS,
    rule: ruleOf(method),
  }
}

function ruleOf({ proto }: DescMethod): HttpRule | undefined {
  const option = proto.options?.$unknown?.findLast(
    ({ no, wireType }) => no === HTTP_OPTION && wireType === WireType.LengthDelimited,
  )
  if (option === undefined) return undefined
  try {
    const type = standardTypes.getMessage('google.api.HttpRule')!
    return toJson(type, fromBinary(type, new BinaryReader(option.data).bytes())) as HttpRule
  } catch (cause) {
    throw new DescriptorError(`the option google.api.http of ${proto.name} cannot be read`, cause)
  }
}
