import { isDeepStrictEqual } from 'node:util'
import type { EntryChange } from '../../../discovery/directory.ts'
import type { RegistryEntry, RegistryScope } from '../../../discovery/registry.ts'
import { cutText } from '../../../internal/telemetry/cut-text.ts'
import type { ChangeEntry } from '../../../routes/admin/api-types.ts'

const KINDS: Readonly<Record<RegistryScope, ChangeEntry['kind']>> = {
  nodes: 'node',
  routes: 'route',
  policies: 'policy-set',
  'api-keys': 'api-key',
  revocations: 'revocation',
  descriptors: 'descriptors',
  certificates: 'certificate',
  'acme-challenges': 'certificate',
}
/** The kinds of keys whose values are never shown. */
const SECRET: ReadonlySet<RegistryScope> = new Set([
  'api-keys',
  'revocations',
  'certificates',
  'acme-challenges',
])
/** Longer values are cut. */
const MAX_CHARACTERS = 8_192

/**
 * Describes a change of a key for people; undefined when the key has the same value as before.
 *
 * @param at when it was seen, milliseconds since 1970
 */
export function toChangeEntry(change: EntryChange, at: number): ChangeEntry | undefined {
  const { source, scope, key, before, after } = change
  if (before && after && isSameValue(before, after)) return undefined
  const readable = after?.kind === 'problem' ? (before ?? after) : (after ?? before)
  if (readable === undefined) return undefined
  const { id, service } = idOf(readable, source)
  const isSecret = SECRET.has(scope)
  return {
    revision: after?.modRevision === undefined ? change.revision : String(after.modRevision),
    ...{ at, source, kind: KINDS[scope], key, id },
    ...(service !== undefined && { service }),
    before: before === undefined || isSecret ? null : cutText(rawText(before), MAX_CHARACTERS),
    after: after === undefined || isSecret ? null : cutText(rawText(after), MAX_CHARACTERS),
  }
}

/** A full listing repeats everything that there is. */
function isSameValue(before: RegistryEntry, after: RegistryEntry): boolean {
  if (before.modRevision === undefined || after.modRevision === undefined)
    return isDeepStrictEqual(before, after)
  return before.modRevision === after.modRevision && before.text === after.text
}

/**
 * Returns the value of a key as text: as the registry has it, or, where values are no texts of their own, such as in a file of
 * services, written anew.
 */
export function rawText(entry: RegistryEntry): string {
  if (entry.text !== undefined) return entry.text
  switch (entry.kind) {
    case 'nodes':
      return JSON.stringify(entry.nodes)
    case 'route':
    case 'policy-set':
      return JSON.stringify(entry.document) ?? ''
    case 'descriptors':
      return `${entry.bytes.length} bytes`
    case 'problem':
      return entry.reason
    default:
      return ''
  }
}

function idOf(entry: RegistryEntry, source: string): { readonly id: string; readonly service?: string } {
  switch (entry.kind) {
    case 'nodes': {
      const [first] = entry.nodes
      if (first === undefined) return { id: withoutPrefix(entry.key, source) }
      const id = entry.nodes.length === 1 ? first.id : withoutPrefix(entry.key, source)
      return { id, service: first.service }
    }
    case 'route':
      return { id: entry.id }
    case 'policy-set':
    case 'descriptors':
    case 'certificate':
      return { id: entry.name }
    default:
      return { id: withoutPrefix(entry.key, source) }
  }
}

function withoutPrefix(key: string, source: string): string {
  return key.startsWith(source) ? key.slice(source.length) : key
}
