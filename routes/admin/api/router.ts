import type { FastifyReply, FastifyRequest } from 'fastify'
import { ApiError } from '../api-errors.ts'
import { JSON_TYPE, sendPieces } from '../write-pages.ts'
import type { Api, ApiOptions } from './api-options.ts'
import { CallRate } from './call-rate.ts'
import { createLive } from './live.ts'
import { NodeCounts } from './node-counts.ts'
import { openApiDocument } from './openapi.ts'
import { readParameters } from './parameters.ts'
import type { Resource, ResourceContext } from './resource.ts'
import { RESOURCES } from './resources.ts'

type Answer = (
  request: FastifyRequest,
  reply: FastifyReply,
  path: Readonly<Record<string, string>>,
) => FastifyReply | Promise<FastifyReply>

/** A method of a path, whose open parts are in braces. */
interface Entry {
  readonly method: Resource['method']
  readonly parts: readonly string[]
  readonly answer: Answer
}

/** Makes the API: the resources, the document that describes them, and the stream. */
export function createApi(options: ApiOptions): Api {
  const live = createLive(options)
  const context = { ...options, calls: new CallRate(), nodes: new NodeCounts() }
  const entries: readonly Entry[] = [
    ...RESOURCES.map(resource => entryOf(resource.method, resource.path, resourceAnswer(resource, context))),
    entryOf('GET', '/openapi.json', (_request, reply) => reply.send(openApiDocument())),
    entryOf('GET', '/live', live.answer),
  ]
  return {
    async answer(request, reply, path) {
      const parts = path.split('/').map(decodeURIComponent)
      const found = entries.filter(entry => fits(entry.parts, parts))
      if (found.length === 0) throw new ApiError('WA_NOT_FOUND', 'the API has no such resource')
      const method = request.method === 'HEAD' ? 'GET' : request.method
      const entry = found.find(each => each.method === method)
      if (entry === undefined) throw wrongMethod(found)
      return entry.answer(request, reply, valuesOf(entry.parts, parts))
    },
    close: live.close,
  }
}

function entryOf(method: Entry['method'], path: string, answer: Answer): Entry {
  return { method, parts: path.slice(1).split('/'), answer }
}

function resourceAnswer(resource: Resource, context: ApiOptions & ResourceContext): Answer {
  return async (request, reply, path) => {
    const page = await resource.read(context, {
      caller: context.callerOf(request),
      path,
      query: readParameters(resource.query ?? {}, request.url),
      body: request.body,
    })
    if (page === undefined) throw new ApiError('WA_NOT_FOUND', notFound(resource, path))
    const etag = resource.etagOf?.(page)
    if (etag !== undefined) reply.header('etag', etag)
    reply.header('cache-control', 'no-store').type(JSON_TYPE)
    if (!resource.write) return reply.send(JSON.stringify(page))
    return sendPieces(reply, resource.write(page), context.onInternalError)
  }
}

function fits(template: readonly string[], parts: readonly string[]): boolean {
  return (
    template.length === parts.length && template.every((part, i) => part.startsWith('{') || part === parts[i])
  )
}

function valuesOf(template: readonly string[], parts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    template.flatMap((part, i) => (part.startsWith('{') ? [[part.slice(1, -1), parts[i]!]] : [])),
  )
}

function wrongMethod(entries: readonly Entry[]): ApiError {
  const allow = entries.map(({ method }) => (method === 'GET' ? 'GET, HEAD' : method)).join(', ')
  return new ApiError('WA_METHOD', `the methods of this path are ${allow}`, { allow })
}

function notFound({ path }: Resource, values: Readonly<Record<string, string>>): string {
  const [, kind = ''] = path.split('/')
  const what = `${kind.replace(/s$/, '')} ${Object.values(values).join('/')}`
  return kind === 'requests' ? `there was no ${what}, or it is no longer remembered` : `there is no ${what}`
}
