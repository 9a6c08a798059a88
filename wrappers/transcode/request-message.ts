import type { DescField, DescMessage } from '@bufbuild/protobuf'
import type { HttpBinding } from '../../internal/grpc/http-rule.ts'
import { FieldFault, faultWithin } from '../protobuf/field-fault.ts'
import type { JsonEncoder } from '../protobuf/json-encoder.ts'
import { parseJsonText } from '../protobuf/json-text.ts'
import { isJsonObject } from '../protobuf/special-encoders.ts'
import { assignAt, fieldNamed, fieldPathTo, textOfPath, textReaderOf } from './field-path.ts'
import { assignQuery } from './query-fields.ts'

/** The parts of a request that become a message. */
export interface RequestParts {
  /** The decoded value of each variable of the path, in the order of the template. */
  readonly captures: readonly string[]
  /** Without the question mark; empty when there is none. */
  readonly query: string
  /** Undefined when the request has none. */
  readonly body: Buffer | undefined
  readonly contentType: string | undefined
}

/**
 * Makes the message of a request, with the prefix that it has in a gRPC body.
 *
 * @throws FieldFault when the request is no such message
 */
export type EncodeRequest = (parts: RequestParts) => Buffer

/** A variable of the path and the field that it fills. */
interface PathField {
  readonly path: readonly DescField[]
  readonly read: (text: string) => unknown
}

export interface RequestMessageOptions {
  readonly binding: HttpBinding
  readonly input: DescMessage
  readonly encoder: JsonEncoder
  readonly ignoresUnknownQuery: boolean
}

/**
 * Returns the function that makes messages of requests as a binding says (google/api/http.proto).
 *
 * @throws TypeError when the binding names a field that the message does not have
 */
export function createRequestEncoder(options: RequestMessageOptions): EncodeRequest {
  const { binding, input, encoder } = options
  const pathFields = binding.template.variables.map(({ fieldPath }) => pathFieldOf(input, fieldPath))
  const readBody = bodyReaderOf(binding, input)
  const query = { ignoresUnknown: options.ignoresUnknownQuery, takesFields: binding.body !== '*' }
  return parts => {
    const json = readBody(parts)
    if (pathFields.length > 0 || parts.query !== '') {
      if (!isJsonObject(json)) throw new FieldFault('not an object')
      for (const [i, { path, read }] of pathFields.entries()) {
        try {
          assignAt(json, path, read(parts.captures[i]!))
        } catch (error) {
          throw error instanceof FieldFault && error.path === ''
            ? faultWithin(textOfPath(path), error)
            : error
        }
      }
      if (parts.query !== '') assignQuery(json, input, parts.query, query)
    }
    return encoder.encode(input, json)
  }
}

function pathFieldOf(input: DescMessage, names: readonly string[]): PathField {
  const path = fieldPathTo(input, names)
  const field = path?.at(-1)
  const read =
    field && field.fieldKind !== 'list' && field.fieldKind !== 'map' ? textReaderOf(field) : undefined
  if (!path || !read)
    throw new TypeError(`${names.join('.')} in the path is not a field of ${input.typeName}`)
  return { path, read }
}

/** Returns the function that reads the body as the JSON of the message, or of that part of it which the body is. */
function bodyReaderOf({ body }: HttpBinding, input: DescMessage): (parts: RequestParts) => unknown {
  if (body === undefined) return readNothing
  if (body === '*') return isHttpBody(input) ? readRaw : readJson
  const field = fieldNamed(input, body)
  if (field === undefined) throw new TypeError(`the body ${body} is not a field of ${input.typeName}`)
  const read = field.fieldKind === 'message' && isHttpBody(field.message) ? readRaw : readValue
  return parts => {
    const json = parts.body === undefined || parts.body.length === 0 ? undefined : read(parts)
    return json === undefined ? {} : { [field.jsonName]: json }
  }
}

function readJson({ body }: RequestParts): unknown {
  return body === undefined || body.length === 0 ? {} : parseJsonText(body)
}

function readValue({ body }: RequestParts): unknown {
  return parseJsonText(body!)
}

function readNothing({ body }: RequestParts): unknown {
  if (body === undefined || body.length === 0) return {}
  const json = parseJsonText(body)
  if (!isJsonObject(json) || Object.keys(json).length > 0) throw new FieldFault('this request has no body')
  return {}
}

function readRaw({ body, contentType }: RequestParts): unknown {
  return { contentType: contentType ?? '', data: (body ?? NOTHING).toString('base64') }
}

const NOTHING = Buffer.alloc(0)

/** Whether a message stands for a body of any type, which is passed on as it is. */
export function isHttpBody({ typeName }: DescMessage): boolean {
  return typeName === 'google.api.HttpBody'
}

/** Whether requests of a binding may have a body that is not JSON. */
export function takesAnyBody({ body }: HttpBinding, input: DescMessage): boolean {
  if (body === undefined) return false
  const message = body === '*' ? input : fieldNamed(input, body)?.message
  return message !== undefined && isHttpBody(message)
}
