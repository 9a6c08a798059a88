import type { LastGood } from '../../discovery/registry.ts'
import type { LastGoodValue, LastGoodView } from '../../routes/admin/views.ts'

/** Says which last good values are in use, of which there may be many. They are gone through when they have changed. */
export class LastGoodSummary {
  #latest: { readonly byKey: ReadonlyMap<string, LastGood> } & ReturnType<typeof summaryOf> = {
    ...{ byKey: new Map(), ...summaryOf([]) },
  }

  /** @param byKey another object when its content is another */
  of(byKey: ReadonlyMap<string, LastGood>): LastGoodView {
    if (byKey !== this.#latest.byKey) this.#latest = { byKey, ...summaryOf([...byKey.values()]) }
    const { oldest, routes } = this.#latest
    return { count: byKey.size, ageMs: Math.max(0, Date.now() - oldest), routes }
  }
}

function summaryOf(lastGood: readonly LastGood[]) {
  const routes = new Map<string, LastGoodValue>()
  let oldest = Number.POSITIVE_INFINITY
  for (const { entry, revision, since } of lastGood) {
    oldest = Math.min(oldest, since)
    if (entry.kind === 'route') routes.set(entry.id, { revision, since: new Date(since).toISOString() })
  }
  return { oldest, routes }
}
