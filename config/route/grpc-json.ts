import type { TSchemaOptions } from 'typebox'
import { bindingsOfRule, type HttpRule } from '../../internal/grpc/http-rule.ts'
import { type Finding, under } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf, section } from '../kit/values.ts'

const unknownFields = (options: TSchemaOptions = {}) =>
  Type.Enum(['reject', 'ignore'], {
    ...options,
    description: 'What is done with a field of a body that the message does not have.',
  })
const unknownQuery = (options: TSchemaOptions = {}) =>
  Type.Enum(['reject', 'ignore'], {
    ...options,
    description: 'What is done with a query parameter that is no field of the message.',
  })
const emitDefaults = (options: TSchemaOptions = {}) =>
  Type.Boolean({ ...options, description: 'Whether answers have fields that are not set, with their zero.' })
const enums = (options: TSchemaOptions = {}) =>
  Type.Enum(['name', 'number'], { ...options, description: 'What answers have for a value of an enum.' })
const names = (options: TSchemaOptions = {}) =>
  Type.Enum(['json', 'proto'], {
    ...options,
    description: 'How the fields of answers are named: in camelCase, or as in the .proto file.',
  })
const errors = (options: TSchemaOptions = {}) =>
  Type.Enum(['problem', 'google'], {
    ...options,
    description: 'How a status that is not OK is told: as a problem document, or as `google.rpc.Status`.',
  })
const stream = (options: TSchemaOptions = {}) =>
  Type.Enum(['ndjson', 'sse', 'array'], {
    ...options,
    description:
      'How an answer of several messages is sent: one JSON text a line, as server-sent events, or as one array. Clients that accept `text/event-stream` always get events.',
  })

/** How JSON is converted, in the configuration. */
export const JsonSection = section(
  {
    unknownFields: unknownFields({ default: 'reject' }),
    unknownQuery: unknownQuery({ default: 'reject' }),
    emitDefaults: emitDefaults({ default: false }),
    enums: enums({ default: 'name' }),
    names: names({ default: 'json' }),
    errors: errors({ default: 'problem' }),
    stream: stream({ default: 'ndjson' }),
  },
  'How JSON becomes gRPC messages, and messages become JSON.',
)

/** How JSON is converted, in a route document. */
export const JsonRuleSchema = closed(
  {
    unknownFields: Type.Optional(unknownFields()),
    unknownQuery: Type.Optional(unknownQuery()),
    emitDefaults: Type.Optional(emitDefaults()),
    enums: Type.Optional(enums()),
    names: Type.Optional(names()),
    errors: Type.Optional(errors()),
    stream: Type.Optional(stream()),
  },
  {
    description: 'How JSON becomes gRPC messages, and messages become JSON. Absent fields: `grpc.json`.',
  },
)

const PATH = { pattern: '^/', title: 'a path template, such as /v1/tasks/{id}' } as const
const HTTP_FIELDS = {
  get: Type.Optional(Type.String({ ...PATH, description: 'Path for GET.' })),
  put: Type.Optional(Type.String({ ...PATH, description: 'Path for PUT.' })),
  post: Type.Optional(Type.String({ ...PATH, description: 'Path for POST.' })),
  delete: Type.Optional(Type.String({ ...PATH, description: 'Path for DELETE.' })),
  patch: Type.Optional(Type.String({ ...PATH, description: 'Path for PATCH.' })),
  custom: Type.Optional(
    closed(
      {
        kind: Type.String({ description: 'Another HTTP method.' }),
        path: Type.String({ ...PATH, description: 'Its path.' }),
      },
      { description: 'Path for another method.' },
    ),
  ),
  body: Type.Optional(
    Type.String({
      description: 'What the body is: `*` for the whole message, or the name of a field of it.',
    }),
  ),
  responseBody: Type.Optional(
    Type.String({ description: 'The field of the answer that is the body. Absent: the whole message.' }),
  ),
}

/** The schema of a `google.api.HttpRule`. */
export const HttpRuleSchema = closed(
  {
    selector: Type.String({
      pattern: '^[A-Za-z_][A-Za-z0-9_.]*[./][A-Za-z_][A-Za-z0-9_]*$',
      title: 'a method with its service, such as task.v1.Tasks.GetTask',
      description: 'The method that the rule is for, such as `task.v1.Tasks.GetTask`.',
    }),
    ...HTTP_FIELDS,
    additionalBindings: Type.Optional(
      Type.Array(closed(HTTP_FIELDS), {
        description: 'More ways to call the method.',
      }),
    ),
  },
  { title: 'a google.api.HttpRule' },
)

/** Finds what the schema of `grpc` cannot express. Fields of the wrong type are ignored. */
export function* findGrpcProblems(grpc: unknown): Generator<Finding> {
  const { rules } = membersOf(grpc)
  for (const [index, rule] of Array.isArray(rules) ? rules.entries() : []) {
    yield* under(['rules', index], ruleProblems(rule))
  }
}

function* ruleProblems(rule: unknown): Generator<Finding> {
  try {
    bindingsOfRule(membersOf(rule) as HttpRule)
  } catch (error) {
    if (error instanceof TypeError) yield { path: [], message: error.message }
  }
}
