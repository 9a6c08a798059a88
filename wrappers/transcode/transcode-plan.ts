import type { HttpBinding } from '../../internal/grpc/http-rule.ts'
import type { JsonOptions } from '../../internal/grpc/json-options.ts'
import { type RuleMatch, RuleTable } from '../../internal/grpc/rule-table.ts'
import type { GrpcMethod, ServiceSchema } from '../descriptors/schema.ts'
import { JsonDecoder } from '../protobuf/json-decoder.ts'
import { JsonEncoder } from '../protobuf/json-encoder.ts'
import { standardTypes } from '../protobuf/standard-types.ts'
import type { AnswerFormat } from './answer-json.ts'
import { type BindingsOptions, createBindings } from './bindings.ts'
import { fieldNamed } from './field-path.ts'
import { createRequestEncoder, type EncodeRequest, takesAnyBody } from './request-message.ts'

/** One way to call a method over HTTP, ready to convert requests and answers. */
export interface CallPlan {
  readonly method: GrpcMethod
  readonly encode: EncodeRequest
  readonly format: AnswerFormat
  readonly hasBody: boolean
  /** Whether the body may be of any type. */
  readonly takesAnyBody: boolean
}

export interface TranscodePlanOptions extends BindingsOptions {
  readonly json: JsonOptions
  /** The longest message, in bytes. */
  readonly maxMessageBytes: number
}

/** What an answer may grow to as JSON: names, and zeros where `emitDefaults` is set, are not in messages. */
const JSON_PER_BYTE = 16

/** How the requests of a route become calls, as long as neither the route nor the schema of its service changes. */
export class TranscodePlan {
  readonly json: JsonOptions
  readonly #table: RuleTable<CallPlan>
  /** What has no effect, as texts for people. */
  readonly problems: readonly string[]

  constructor(schema: ServiceSchema, { json, maxMessageBytes, ...options }: TranscodePlanOptions) {
    this.json = json
    const typeNamed = (name: string) => schema.types.getMessage(name) ?? standardTypes.getMessage(name)
    const encoder = new JsonEncoder({ typeNamed, ignoresUnknown: json.unknownFields === 'ignore' })
    const decoder = new JsonDecoder({
      typeNamed,
      emitsDefaults: json.emitDefaults,
      enums: json.enums,
      names: json.names,
      maxJsonBytes: maxMessageBytes * JSON_PER_BYTE,
    })
    const { entries, problems } = createBindings(schema, options)
    const found = [...problems]
    const plans = entries.flatMap(({ binding, value: method }) => {
      try {
        return [{ binding, value: createCallPlan(binding, method, { encoder, decoder, json }) }]
      } catch (error) {
        found.push(
          `${binding.httpMethod} ${binding.template.text} of ${method.name}: ${(error as Error).message}`,
        )
        return []
      }
    })
    this.#table = new RuleTable(plans)
    for (const { binding, value } of this.#table.duplicates) {
      const path = `${binding.httpMethod} ${binding.template.text}`
      found.push(`${path} of ${value.method.name} has no effect, because another method has it`)
    }
    this.problems = shown(found)
  }

  /**
   * Finds the call of a request.
   *
   * @param path as the route leaves it, without the query
   */
  find(httpMethod: string, path: string): RuleMatch<CallPlan> | undefined {
    return this.#table.find(httpMethod === 'HEAD' ? 'GET' : httpMethod, path)
  }

  /** Returns the HTTP methods that a path has. */
  allowedMethods(path: string): string[] {
    const methods = this.#table.allowedMethods(path)
    return methods.includes('GET') && !methods.includes('HEAD') ? [...methods, 'HEAD'].sort() : methods
  }
}

/** Of the problems that are shown. Nodes choose their number, and the names in them. */
const MAX_PROBLEMS = 100
const MAX_PROBLEM_LENGTH = 1_000

function shown(problems: readonly string[]): readonly string[] {
  const texts = problems
    .slice(0, MAX_PROBLEMS)
    .map(text => (text.length > MAX_PROBLEM_LENGTH ? `${text.slice(0, MAX_PROBLEM_LENGTH)}…` : text))
  const more = problems.length - texts.length
  return more === 0 ? texts : [...texts, `further problems: ${more}`]
}

interface Codecs {
  readonly encoder: JsonEncoder
  readonly decoder: JsonDecoder
  readonly json: JsonOptions
}

/** @throws TypeError when the binding names a field that the messages do not have */
function createCallPlan(
  binding: HttpBinding,
  method: GrpcMethod,
  { encoder, decoder, json }: Codecs,
): CallPlan {
  const { input, output } = method
  const { responseBody } = binding
  const bodyField = responseBody === undefined ? undefined : fieldNamed(output, responseBody)
  if (responseBody !== undefined && bodyField === undefined) {
    throw new TypeError(`the body of the answer, ${responseBody}, is not a field of ${output.typeName}`)
  }
  return {
    method,
    encode: createRequestEncoder({
      binding,
      input,
      encoder,
      ignoresUnknownQuery: json.unknownQuery === 'ignore',
    }),
    format: { output, decoder, bodyField, errors: json.errors },
    hasBody: binding.body !== undefined,
    takesAnyBody: takesAnyBody(binding, input),
  }
}
