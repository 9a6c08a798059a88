import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ApiPages, FeaturesPage } from '../api-types.ts'
import type { Caller } from '../callers.ts'
import { LiveStreams } from '../live/live-streams.ts'
import type { RouteList } from '../page-types.ts'
import { LIVE_PARAMETERS } from './live-parameters.ts'
import { readParameters } from './parameters.ts'
import { readFilter, withTail } from './resources.ts'
import { searchParamsOf } from './router.ts'

export interface LiveOptions {
  readonly api: ApiPages
  readonly features: FeaturesPage
  readonly routes: () => Promise<RouteList>
  readonly callerOf: (request: FastifyRequest) => Caller
  readonly onInternalError: (error: unknown) => void
}

/** Adds the event stream `/api/v1/live` to the admin listener. Streams end with the event `bye` before it is closed. */
export function serveLive(app: FastifyInstance, options: LiveOptions): void {
  const { callerOf } = options
  const streams = new LiveStreams(options)
  app.get('/api/v1/live', { exposeHeadRoute: false }, (request, reply) => {
    const { figures, tail, rows } = readParameters(LIVE_PARAMETERS, searchParamsOf(request.url))
    if (tail !== undefined) withTail(options)
    const viewer = {
      figures,
      tail: tail === undefined ? undefined : { text: tail, fits: readFilter(tail) },
      rows: rows === undefined ? undefined : readFilter(rows),
      isMasked: callerOf(request).isMasked,
    }
    streams.assertRoom()
    reply.hijack()
    streams.open(reply.raw, viewer)
  })
  app.addHook('preClose', () => streams.close('the admin listener closes'))
}
