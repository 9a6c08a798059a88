import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ApiError } from '../api-errors.ts'
import type { Caller } from '../callers.ts'
import { readParameters } from './parameters.ts'
import { RESOURCES, type Resource, type ResourceContext } from './resources.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

/** The largest route document is 256 KiB. */
const MAX_BODY_BYTES = 300 * 1024

export interface ApiOptions extends ResourceContext {
  readonly callerOf: (request: FastifyRequest) => Caller
  readonly onInternalError: (error: unknown) => void
}

/** Adds the resources below `/api/v1` to the admin listener, and the document that describes them. */
export function serveApi(app: FastifyInstance, options: ApiOptions): void {
  const methods = new Map<string, string[]>()
  for (const resource of RESOURCES) {
    const url = `/api/v1${resource.path.replace(/\{(\w+)\}/g, ':$1')}`
    const { method } = resource
    methods.set(url, [...(methods.get(url) ?? []), ...(method === 'GET' ? ['GET', 'HEAD'] : [method])])
    app.route({ method, url, bodyLimit: MAX_BODY_BYTES, handler: (...of) => answer(resource, ...of) })
  }
  app.get('/api/v1/openapi.json', async () => {
    const { openApiDocument } = await import('./openapi.ts')
    return openApiDocument()
  })
  refuseOtherMethods(app, methods)

  async function answer(
    resource: Resource,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const path = request.params as Record<string, string>
    const page = await resource.read(options, {
      caller: options.callerOf(request),
      path,
      query: readParameters(resource.query ?? {}, searchParamsOf(request.url)),
      body: request.body,
    })
    if (page === undefined) throw new ApiError('WA_NOT_FOUND', notFound(resource, path))
    const etag = resource.etagOf?.(page)
    if (etag !== undefined) reply.header('etag', etag)
    reply.header('cache-control', 'no-store').type(JSON_TYPE)
    if (!resource.write) return reply.send(JSON.stringify(page))
    const body = Readable.from(resource.write(page), { objectMode: false })
    // Once the head is sent, the answer can only be aborted.
    body.once('error', options.onInternalError)
    return reply.send(body)
  }
}

/** Answers the methods that a path does not have with those that it has. */
function refuseOtherMethods(app: FastifyInstance, methods: ReadonlyMap<string, readonly string[]>): void {
  for (const [url, allowed] of methods) {
    const others = app.supportedMethods.filter(method => !allowed.includes(method))
    app.route({
      method: others,
      url,
      handler: () => {
        const allow = allowed.join(', ')
        throw new ApiError('WA_METHOD', `the methods of this path are ${allow}`, { allow })
      },
    })
  }
}

export function searchParamsOf(url: string): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
}

function notFound({ path }: Resource, values: Readonly<Record<string, string>>): string {
  const [, kind = ''] = path.split('/')
  const what = kind === 'requests' ? 'request that is still remembered' : kind.replace(/s$/, '')
  return `there is no ${what} ${Object.values(values).join('/')}`
}
