import { API_ERRORS, type ApiProblem } from '../api-errors.ts'
import type { ReloadProblem } from '../reload-types.ts'
import { integer, list, object, optional, type Schema, string, withReferences } from './json-schema.ts'
import { LIVE_PARAMETERS } from './live.ts'
import type { Parameters } from './parameters.ts'
import { LIVE_EVENTS } from './request-schemas.ts'
import type { Resource } from './resource.ts'
import { RESOURCES } from './resources.ts'

/** The body of every error answer (RFC 9457). */
const PROBLEM = object<ApiProblem>({
  type: string,
  title: string,
  status: integer,
  code: { json: { enum: Object.keys(API_ERRORS) } },
  detail: string,
  problems: optional(
    list(object<ReloadProblem>({ path: string, message: string, source: optional(string) })),
  ),
})

/** Describes `/api/v1` in OpenAPI 3.1, from the table of resources. */
export function openApiDocument(): Record<string, unknown> {
  const components: Record<string, unknown> = { Error: PROBLEM.json }
  const schemaOf = ({ json }: Schema<unknown>) => withReferences(json, components)
  const paths: Record<string, Record<string, unknown>> = {}
  for (const resource of RESOURCES) {
    const path = `/api/v1${resource.path}`
    paths[path] = { ...paths[path], [resource.method.toLowerCase()]: operationOf(resource, schemaOf) }
  }
  const events = Object.entries(LIVE_EVENTS).map(([name, schema]) => [
    name,
    schemaOf(schema as Schema<unknown>),
  ])
  paths['/api/v1/live'] = {
    get: {
      operationId: 'getLive',
      summary: 'What changes, as it changes: an event stream. `x-events` has the data of each event',
      parameters: parametersOf(LIVE_PARAMETERS),
      responses: {
        200: { description: 'The events.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
        default: ERROR,
      },
      'x-events': Object.fromEntries(events),
    },
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'The admin API of Waygate',
      version: '1',
      description:
        'What a gateway does. Fields may be added to answers; those that are there keep their meaning.',
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, {}],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: components,
    },
  }
}

const ERROR = {
  description: 'An error.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Error' } } },
}

function operationOf(resource: Resource, schemaOf: (schema: Schema<unknown>) => unknown): object {
  const { method, path, summary, query = {}, answer, body, isBodyOptional } = resource
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  return {
    operationId: operationId(method, path),
    summary,
    ...((inPath.length > 0 || Object.keys(query).length > 0) && {
      parameters: [...inPath, ...parametersOf(query)],
    }),
    ...(body && {
      requestBody: { required: !isBodyOptional, content: { 'application/json': { schema: body } } },
    }),
    responses: {
      200: { description: 'The answer.', content: { 'application/json': { schema: schemaOf(answer) } } },
      default: ERROR,
    },
  }
}

function parametersOf(parameters: Parameters): object[] {
  return Object.entries(parameters).map(([name, { description, schema }]) => ({
    name,
    in: 'query',
    description,
    schema,
  }))
}

/** `GET /routes/{id}` is `getRoutesById`. */
function operationId(method: string, path: string): string {
  const words = path.split('/').filter(word => word !== '')
  const name = words.map(word =>
    word.replace(/^\{(.)(.*)\}$/, (_, first: string, rest: string) => `by-${first}${rest}`),
  )
  return [method.toLowerCase(), ...name]
    .join('-')
    .replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}
