import { type Filter, parseFilter } from '../../../internal/telemetry/filter.ts'
import { ApiError } from '../api-errors.ts'
import type { ApiPages } from '../api-types.ts'
import type { Caller } from '../callers.ts'
import type { ApiOptions } from './api-options.ts'
import type { CallRate } from './call-rate.ts'
import type { Schema } from './json-schema.ts'
import type { NodeCounts } from './node-counts.ts'
import type { Parameters, ValuesOf } from './parameters.ts'

/** What the resources are answered from. */
export type ResourceContext = Pick<ApiOptions, 'pages' | 'api' | 'features' | 'reload'> & {
  readonly calls: CallRate
  readonly nodes: NodeCounts
}

export interface ResourceRequest<Query extends Parameters = Parameters> {
  readonly caller: Caller
  /** The parts of the path that the resource leaves open. */
  readonly path: Readonly<Record<string, string>>
  readonly query: ValuesOf<Query>
  /** The body as JSON; undefined when there is none. */
  readonly body: unknown
}

/** A resource of `/api/v1`. The router, the OpenAPI document and the docs follow from these. */
export interface Resource<Answer = unknown, Query extends Parameters = Parameters> {
  /** What is posted is a question, which has a body and changes nothing, or a reload. PUT and DELETE write. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below `/api/v1`, with the open parts in braces. */
  readonly path: string
  readonly summary: string
  readonly query?: Query
  readonly answer: Schema<Answer>
  /** The schema of the body of a question, or of what is put. */
  readonly body?: object
  /** Whether the body may be left out. */
  readonly isBodyOptional?: true
  /** Reads, or does what is asked for. Resolves with undefined when there is no such thing. */
  read(context: ResourceContext, request: ResourceRequest<Query>): Promise<Answer | undefined>
  /** Writes an answer that may be large, in pieces. */
  write?(answer: Answer): AsyncIterable<string>
  etagOf?(answer: Answer): string | undefined
}

/** Keeps the types of a resource together. */
export function resource<Answer, Query extends Parameters = Parameters>(
  of: Resource<Answer, Query>,
): Resource {
  return of as unknown as Resource
}

/** @throws ApiError when requests are not kept */
export function withTail({ api, features }: Pick<ResourceContext, 'api' | 'features'>): ApiPages {
  if (features.tail) return api
  throw new ApiError('WA_TAIL_OFF', 'requests are not kept, because admin.tail is false')
}

/** @throws ApiError that names the word which cannot be read */
export function readFilter(text: string): Filter {
  return filterOr400(() => parseFilter(text))
}

/** @throws ApiError that names the word which cannot be read */
export function filterOr400<Row>(parse: () => Filter<Row>): Filter<Row> {
  try {
    return parse()
  } catch (error) {
    throw new ApiError('WA_QUERY', `filter: ${(error as Error).message}`)
  }
}
