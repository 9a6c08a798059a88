import { Type } from '../kit/type.ts'
import { section } from '../kit/values.ts'
import { JsonSection } from '../route/grpc-json.ts'
import { CALL_TIMEOUT, statusNames } from '../route/grpc-schema.ts'

export const GrpcSection = section(
  {
    auto: Type.Boolean({
      default: true,
      description:
        'Whether a service with gRPC nodes and without a route document is callable at the names of its gRPC services.',
    }),
    reflection: Type.Boolean({
      default: true,
      description:
        'Whether gRPC nodes are asked for their descriptors, for services whose methods must be known.',
    }),
    maxTimeoutMs: Type.Union([Type.Null(), Type.Integer(CALL_TIMEOUT)], {
      default: null,
      description:
        'The longest deadline, milliseconds, that a client may set with `grpc-timeout`; a longer one is shortened. `null`: no limit.',
    }),
    descriptors: Type.Record(Type.String(), Type.String({ minLength: 1, isPath: true }), {
      default: {},
      description:
        'Files with descriptors, by the name of a service or a name that a route uses: FileDescriptorSets, as `protoc --include_imports --descriptor_set_out` and `buf build` write them. Values in etcd with the same name win.',
    }),
    json: JsonSection,
    messageBytes: Type.Integer({
      default: 4_194_304,
      minimum: 1_024,
      maximum: 268_435_456,
      description:
        'The largest message where one is held as a whole, in bytes of JSON and of protobuf. The JSON of an answer may take 16 times as much memory. Converting a body of 4 MiB takes about 0.1 s of CPU time, in which nothing else is done, and up to 0.6 s if it consists of hundreds of thousands of tiny values. Messages that pass as they are have no limit.',
    }),
    retryOn: statusNames({
      default: ['UNAVAILABLE'],
      description:
        'Statuses on which a call of an idempotent method is retried on another node, if its answer consists of the status alone.',
    }),
    failures: statusNames({
      default: ['UNKNOWN', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'],
      description: 'Statuses that count as failures for the circuit breakers of gRPC nodes.',
    }),
  },
  'gRPC calls ([gRPC](grpc.md)). Route documents have rules of their own in `grpc`.',
  { reload: 'workers' },
)
