import type { Directory } from '../../discovery/directory.ts'
import { OPTIONAL_SCOPES, type Registry } from '../../discovery/registry.ts'
import { mergeTrust } from '../../routes/admin/merge-pages.ts'
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
  return {
    registry: registry.name,
    ...mergeTrust(sources.filter(({ scope }) => !OPTIONAL_SCOPES.has(scope))),
    revision: largest(sources.map(source => source.revision)),
    skipped: directory.problems().length,
    suspects: directory.suspectCount,
    sources,
  }
}

/** Returns the largest of some revisions; undefined when none is known. */
export function largest(revisions: readonly (string | undefined)[]): string | undefined {
  const known = revisions.filter(revision => revision !== undefined).map(BigInt)
  if (known.length === 0) return undefined
  return String(known.sort((a, b) => (a < b ? 1 : -1))[0])
}
