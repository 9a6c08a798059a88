import { isDeepStrictEqual } from 'node:util'
import { ConfigError, jsonPath } from '../../config/kit/problem.ts'
import { routeContext } from '../../config/load/route-context.ts'
import { type ParsedRoute, parseRouteDocument } from '../../config/route/route-document.ts'
import { Turns } from '../../routes/admin/turns.ts'
import type { LiveHealth } from './live-health.ts'
import type { LiveTable } from './live-table.ts'
import type { Inputs, RefusedDocument, Settings } from './settings.ts'
import type { Transcoding } from './transcoding.ts'

/**
 * Lets the route table follow the settings. All documents are parsed by the new rules beforehand, in slices between requests,
 * so that the turn of the swap has little left to do.
 */
export function reloadTable(
  settings: Settings,
  table: LiveTable,
  { transcoding, health }: { readonly transcoding: Transcoding; readonly health: LiveHealth },
): void {
  settings.onSwap(() => health.rulesChanged())
  settings.onPrepare(async next => {
    await transcoding.prepareConfigured(next.config.routes)
    const before = routeContext(settings.config, settings.keys)
    const context = routeContext(next.config, next.keys)
    if (isDeepStrictEqual(madeOf(settings, before), madeOf(next, context))) return undefined
    const parsed = new Map<unknown, ParsedRoute>()
    for (const [id, document] of Object.entries(next.config.routes.documents)) {
      const outcome = parseRouteDocument(id, document, { ...context, origin: 'file' })
      if ('reason' in outcome) throw refused(id, outcome.reason)
      parsed.set(document, outcome)
    }
    const closed: RefusedDocument[] = []
    const turns = new Turns()
    for (const { id, document } of [...table.entries.documents()]) {
      const outcome = parseRouteDocument(id, document, { ...context, origin: table.origin })
      parsed.set(document, outcome)
      if ('reason' in outcome && 'route' in parseRouteDocument(id, document, { ...before, origin: 'etcd' }))
        closed.push({ id, reason: outcome.reason })
      if (turns.isOver) await turns.next()
    }
    return { refused: closed, swap: () => table.configure(next.config.routes, context, parsed), discard() {} }
  })
}

function refused(id: string, message: string): ConfigError {
  return new ConfigError([{ path: jsonPath(['routes', 'documents', id]), message, source: '' }])
}

/** Returns everything that routes, and the rules that they set for their services, are made of. */
function madeOf({ config }: Inputs, context: object): readonly unknown[] {
  return [config.routes, config.jwt, config.breaker, config.serviceLimit, context]
}
