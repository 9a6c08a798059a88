import type { TSchemaOptions } from 'typebox'
import { GRPC_STATUS_NAMES } from '../../internal/grpc/status.ts'
import { Type } from '../kit/type.ts'
import { closed, MAX_TIMER_MS } from '../kit/values.ts'
import { HttpRuleSchema, JsonRuleSchema } from './grpc-json.ts'

const FAILURE_NAMES = GRPC_STATUS_NAMES.filter(name => name !== 'OK')
const RPC_METHOD = Type.String({
  pattern: '^[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*$',
  title: 'a method with its service, such as task.v1.Tasks/Get',
})
const ALLOWED_METHODS = Type.String({
  pattern:
    '^(?:[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*|(?:[A-Za-z_][A-Za-z0-9_.]*(?:/(?:[A-Za-z_][A-Za-z0-9_]*)?)?)?\\*)$',
  title: 'a method such as task.v1.Tasks/Get, or the beginning of such a name and a *',
})
/** Bounds of the time that a whole call may take, milliseconds. */
export const CALL_TIMEOUT = { minimum: 1, maximum: MAX_TIMER_MS } as const

/** A list of gRPC statuses by name. */
export function statusNames(options: TSchemaOptions) {
  return Type.Array(Type.Enum(FAILURE_NAMES), { ...options, uniqueItems: true })
}

/** The schema of a route's `grpc`: rules that apply to gRPC calls alone. */
export const GrpcSchema = closed(
  {
    timeoutMs: Type.Optional(
      Type.Integer({
        ...CALL_TIMEOUT,
        description:
          'Milliseconds that a whole call may take, its streams included, when its client sets no deadline. Absent: as long as it likes.',
      }),
    ),
    maxTimeoutMs: Type.Optional(
      Type.Integer({
        ...CALL_TIMEOUT,
        description:
          'The longest deadline, milliseconds, that a client may set with `grpc-timeout`; a longer one is shortened. Absent: `grpc.maxTimeoutMs`.',
      }),
    ),
    retryOn: Type.Optional(
      statusNames({
        description:
          'Statuses on which a call is retried on another node, if its answer consists of the status alone. When the document states them, methods that are not known to be idempotent are retried too. Absent: `grpc.retryOn`, for idempotent methods only.',
      }),
    ),
    failures: Type.Optional(
      statusNames({
        description:
          "Statuses that count as failures for the circuit breakers of the service's nodes. If several routes of a service have them, those of the one with the first id count. Absent: `grpc.failures`.",
      }),
    ),
    allow: Type.Optional(
      Type.Array(ALLOWED_METHODS, {
        uniqueItems: true,
        description:
          'Methods that can be called on this route, by gRPC, gRPC-web and JSON alike: `task.v1.Tasks/Get`, or with a `*` at the end, `task.v1.Tasks/*`. Absent: all methods of the service.',
      }),
    ),
    web: Type.Optional(
      Type.Boolean({
        description:
          'Whether calls of gRPC-web become gRPC calls. With `false` they reach nodes of HTTP as they are. Absent: true.',
      }),
    ),
    idempotent: Type.Optional(
      Type.Array(RPC_METHOD, {
        uniqueItems: true,
        description:
          'Methods that may be repeated although a node may have acted on the call, such as `task.v1.Tasks/Get`, in addition to those whose descriptor says so.',
      }),
    ),
    descriptors: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Name of the descriptors of the service: a key below `discovery.descriptorsPrefix`, or a name in `grpc.descriptors`. If several routes of a service have one, that of the one with the first id counts. Absent: those named like the service, or else what its nodes say (reflection).',
      }),
    ),
    bindings: Type.Optional(
      Type.Enum(['annotated', 'default', 'all'], {
        description:
          'Paths at which methods take JSON. `annotated`: those of rules. `default`: `POST /package.Service/Method` and, if no other method has its name, `POST /Method`. `all`: both. Absent: `annotated` for methods that have a rule, and `default` for the others.',
      }),
    ),
    rules: Type.Optional(
      Type.Array(HttpRuleSchema, {
        description:
          'Paths of methods, each as a `google.api.HttpRule` with a selector. They replace the annotations of these methods. If several routes of a service have rules, those of the one with the first id count.',
      }),
    ),
    json: Type.Optional(JsonRuleSchema),
  },
  {
    description: 'Rules for gRPC calls ([gRPC](grpc.md)). Absent: the settings of `grpc`.',
  },
)
