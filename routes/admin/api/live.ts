import type { FastifyReply, FastifyRequest } from 'fastify'
import { LiveStreams } from '../live/live-streams.ts'
import type { Api, ApiOptions } from './api-options.ts'
import { flagParameter, readParameters, textParameter } from './parameters.ts'
import { readFilter, withTail } from './resource.ts'

/** The parameters of `GET /api/v1/live`. */
export const LIVE_PARAMETERS = {
  figures: flagParameter('1: the event `figures`, each second.'),
  tail: textParameter(
    'A filter of finished requests, for the event `requests`. Empty: all. Absent: the event is not sent.',
  ),
  rows: textParameter(
    'A filter of the rows of `figures`, which counts when there are more than 2,000. Without it, those with the most requests are sent then.',
  ),
}

/** Makes the event stream `/live`. */
export function createLive(options: ApiOptions): Pick<Api, 'close'> & {
  readonly answer: (request: FastifyRequest, reply: FastifyReply) => FastifyReply
} {
  const { api, pages, callerOf, followAdmission, onInternalError } = options
  const streams = new LiveStreams({ api, routes: pages.routes, onInternalError })
  return {
    answer(request, reply) {
      const { figures, tail, rows } = readParameters(LIVE_PARAMETERS, request.url)
      if (tail !== undefined) withTail(options)
      const { name: owner, isMasked } = callerOf(request)
      const viewer = {
        owner,
        figures,
        tail: tail === undefined ? undefined : { text: tail, fits: readFilter(tail) },
        rows: rows === undefined ? undefined : readFilter(rows),
        isMasked,
        mayGoOn: followAdmission(request),
      }
      streams.assertRoom(owner)
      if (request.method === 'HEAD') return reply.type('text/event-stream; charset=utf-8').send()
      reply.hijack()
      streams.open(reply.raw, viewer)
      return reply
    },
    close: reason => streams.close(reason),
  }
}
