import type { Directory } from '../../discovery/directory.ts'
import type { Registry } from '../../discovery/registry.ts'
import type { SourceDetails, SourceView } from '../../routes/admin/views.ts'

/** Returns how current the table is that `directory` holds of `registry`, for each source and for all together. */
export function sourceView(registry: Registry, directory: Directory): SourceView {
  const sources = registry.sources.map(({ name, scope }): SourceDetails => {
    const { loaded, restored, reason, revision } = directory.source(name)
    const { connected, ageMs, drift, relists } = registry.status(name)
    return {
      name,
      scope,
      connected,
      stale: !connected || restored || !loaded,
      reason,
      revision,
      ageMs: ageMs === undefined ? undefined : Math.round(ageMs),
      drift,
      relists: Object.fromEntries(relists),
    }
  })
  const ages = sources.map(source => source.ageMs)
  return {
    registry: registry.name,
    connected: sources.every(source => source.connected),
    stale: sources.some(source => source.stale),
    ageMs: ages.includes(undefined) ? undefined : Math.max(...ages.map(Number)),
    revision: largest(sources.map(source => source.revision)),
    reason: sources.find(source => source.reason !== undefined)?.reason,
    drift: sources.reduce((sum, source) => sum + source.drift, 0),
    relists: sums(sources.map(source => source.relists)),
    skipped: directory.problems().length,
    suspects: directory.suspectCount,
    sources,
  }
}

function sums(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const all: Record<string, number> = {}
  for (const [reason, count] of counts.flatMap(each => Object.entries(each))) {
    all[reason] = (all[reason] ?? 0) + count
  }
  return all
}

function largest(revisions: readonly (string | undefined)[]): string | undefined {
  const known = revisions.filter(revision => revision !== undefined).map(BigInt)
  if (known.length === 0) return undefined
  return String(known.sort((a, b) => (a < b ? 1 : -1))[0])
}
