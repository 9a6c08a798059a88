import { ApiError } from '../api-errors.ts'
import { readCheckQuestion, readQuestion } from '../explain.ts'
import { maskDetail, maskRequests } from './masked.ts'
import { countParameter, flagParameter, textParameter } from './parameters.ts'
import {
  Change,
  Explanation,
  Judgement,
  OpenCallItem,
  RequestAnswer,
  RequestItem,
} from './request-schemas.ts'
import { type Resource, readFilter, resource, withTail } from './resource.ts'
import { items } from './table-schemas.ts'

/** The largest limit: as many requests as one process keeps. */
const MAX_REQUESTS = 1_024
const MAX_CHANGES = 500

/** What is known of requests and of changes of the table, and what would become of those that are asked about. */
export const REQUEST_RESOURCES: readonly Resource[] = [
  resource({
    method: 'GET',
    path: '/requests',
    summary: 'Finished requests, newest first',
    query: {
      filter: textParameter('A filter, such as `service:user status:5xx`. Default: all.'),
      problems: flagParameter('1: only requests that went wrong.'),
      limit: countParameter('How many at most.', { byDefault: 100, max: MAX_REQUESTS }),
    },
    answer: items(RequestItem),
    async read(context, { caller, query: { filter = '', problems, limit } }) {
      const api = withTail(context)
      const fits = readFilter(filter)
      if (!caller.isMasked) return { items: await api.requests({ filter, problems, limit }) }
      // What is hidden must not be found by a filter either.
      const all = await api.requests({ filter: '', problems, limit: Number.MAX_SAFE_INTEGER })
      return { items: maskRequests(all, fits, limit) }
    },
  }),
  resource({
    method: 'GET',
    path: '/requests/{id}',
    summary: 'A finished request: its tries, and what would happen to it now',
    answer: RequestAnswer,
    async read(context, { caller, path }) {
      const detail = await withTail(context).request(path.id!)
      return detail && caller.isMasked ? maskDetail(detail) : detail
    },
  }),
  resource({
    method: 'GET',
    path: '/in-flight',
    summary: 'Requests under way, the longest first',
    query: {
      over: countParameter('How long they must have been under way, milliseconds.', {
        byDefault: 0,
        max: Number.MAX_SAFE_INTEGER,
      }),
    },
    answer: items(OpenCallItem),
    read: async (context, { query: { over } }) => ({ items: await withTail(context).inFlight(over) }),
  }),
  resource({
    method: 'GET',
    path: '/changes',
    summary: 'Changes of the table, as they were seen from the registry, newest first',
    query: { limit: countParameter('How many at most.', { byDefault: 100, max: MAX_CHANGES }) },
    answer: items(Change),
    read: async ({ api }, { query: { limit } }) => ({ items: await api.changes(limit) }),
  }),
  resource({
    method: 'POST',
    path: '/explain',
    summary: 'What would happen to a request, and why',
    body: {
      type: 'object',
      required: ['url'],
      properties: {
        method: { type: 'string', default: 'GET' },
        url: { type: 'string', description: 'A path, or an absolute URL.' },
        headers: { type: 'object' },
        client: { type: 'string', description: 'The address of the connection.', default: '127.0.0.1' },
        claims: { type: 'object', description: 'Claims that are taken as verified.' },
        verify: {
          type: 'boolean',
          description: 'Whether the credentials in `headers` are really verified. Needs the role operate.',
        },
      },
      additionalProperties: false,
    },
    answer: Explanation,
    async read({ pages }, { caller, body }) {
      const question = question400(readQuestion, body)
      if (question.verify && caller.role !== 'operate') {
        throw new ApiError('WA_ROLE', 'verifying credentials needs a token with the role operate')
      }
      return (await pages.explain(question)) ?? noWorker()
    },
  }),
  resource({
    method: 'POST',
    path: '/check',
    summary: 'Whether a route document could be written under an id',
    body: {
      type: 'object',
      required: ['id', 'document'],
      properties: { id: { type: 'string' }, document: { type: 'object' } },
    },
    answer: Judgement,
    read: async ({ pages }, { body }) =>
      (await pages.check(question400(readCheckQuestion, body))) ?? noWorker(),
  }),
]

function question400<Question>(read: (body: unknown) => Question, body: unknown): Question {
  try {
    return read(body)
  } catch (error) {
    throw new ApiError('WA_BODY', (error as Error).message)
  }
}

function noWorker(): never {
  throw new ApiError('WA_NO_WORKER', 'no worker answers; try again')
}
