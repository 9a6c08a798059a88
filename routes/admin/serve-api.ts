import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ApiPages, FeaturesPage } from './api-types.ts'
import type { Caller } from './callers.ts'
import type { AdminPages } from './page-types.ts'

const PREFIX = '/api/v1/'

/** The largest route document is 256 KiB. */
const MAX_BODY_BYTES = 300 * 1024

export interface ApiOptions {
  readonly pages: Pick<AdminPages, 'routes' | 'explain' | 'check'>
  readonly api: ApiPages
  readonly features: FeaturesPage
  readonly callerOf: (request: FastifyRequest) => Caller
  readonly onInternalError: (error: unknown) => void
}

/** What answers requests below `/api/v1/`. */
export interface Api {
  /**
   * @param path behind the prefix, percent-encoded, without the query
   * @throws ApiError
   */
  answer(request: FastifyRequest, reply: FastifyReply, path: string): Promise<FastifyReply>
  /** Ends all streams with a reason. */
  close(reason: string): Promise<void>
}

/**
 * Adds the API to the admin listener. Its modules and schemas are loaded at the first request: most gateways are never asked.
 * Streams get their last event before the listener is closed.
 */
export function serveApi(app: FastifyInstance, options: ApiOptions): void {
  let loaded: Promise<Api> | undefined
  const load = async () => (await import('./api/router.ts')).createApi(options)
  app.all(`${PREFIX}*`, { bodyLimit: MAX_BODY_BYTES }, async (request, reply) => {
    loaded ??= load()
    const [path = ''] = request.url.slice(PREFIX.length).split('?', 1)
    return (await loaded).answer(request, reply, path)
  })
  app.addHook('preClose', async () => (await loaded)?.close('the admin listener closes'))
}
