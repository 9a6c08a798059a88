import { createNode } from '../internal/nodes/node.ts'
import { isObject } from './codecs/value.ts'
import { NameFilter } from './name-filter.ts'
import type { LastGood, RegistryEntry, RegistryEvent, Remembered, RememberedSource } from './registry.ts'

export const NOTHING_REMEMBERED: Remembered = { lastGood: [], documented: [] }

/** What is known from earlier when a snapshot is applied. */
export interface Recall {
  readonly documented: readonly string[]
  readonly unlisted: readonly string[]
  /** Returns the last good value of a key. */
  readonly lastGood: (key: string) => LastGood | undefined
}

const NO_RECALL: Recall = { documented: [], unlisted: [], lastGood: () => undefined }

/**
 * Collects what is known of a source from earlier: what its copy on disk says, and what the process before this one has
 * handed over. What that process has handed over counts until the store itself has been read.
 *
 * @param state the state of the source before the snapshot
 */
export function createRecall(
  { source, store, earlier }: Extract<RegistryEvent, { readonly type: 'snapshot' }>,
  state: { readonly loaded: boolean; readonly restored: boolean },
  handed: readonly RememberedSource[] = [],
): Recall {
  const isFirst = !state.loaded || state.restored
  if (!isFirst && !earlier) return NO_RECALL
  const mine = handed.filter(each => isFirst && each.source === source && each.store === (store ?? ''))
  const all: readonly Remembered[] = earlier ? [earlier.remembered, ...mine] : mine
  const byKey = new Map(all.flatMap(({ lastGood }) => lastGood.map(good => [good.entry.key, good] as const)))
  return {
    documented: all.flatMap(({ documented }) => documented),
    unlisted: all.flatMap(({ unlisted }) => unlisted ?? []),
    lastGood(key) {
      const entry = byKey.has(key) ? undefined : earlier?.entryOf(key)
      return entry ? { entry, revision: earlier!.revision, since: Date.now() } : byKey.get(key)
    },
  }
}

/** Returns it as plain JSON, for a file or for a message between processes. */
export function encodeRemembered<R extends Remembered>(
  remembered: R,
): Omit<R, 'lastGood'> & { lastGood: unknown[] } {
  return {
    ...remembered,
    lastGood: remembered.lastGood.map(({ entry: { text: _text, modRevision: _at, ...entry }, ...good }) => ({
      ...good,
      entry: entry.kind === 'descriptors' ? { ...entry, bytes: entry.bytes.toString('base64') } : entry,
    })),
  }
}

/**
 * Reads what {@link encodeRemembered} has returned.
 *
 * @throws TypeError when it is anything else
 */
export function decodeRemembered(value: unknown): Remembered {
  if (!isObject(value)) throw new TypeError('it remembers nothing')
  const { lastGood, documented, unlisted } = value
  if (!Array.isArray(lastGood) || !Array.isArray(documented) || !documented.every(isText)) {
    throw new TypeError('it remembers nothing')
  }
  if (unlisted === undefined) return { lastGood: lastGood.map(decodeLastGood), documented }
  return {
    lastGood: lastGood.map(decodeLastGood),
    documented,
    unlisted: new NameFilter([String(unlisted)]).text,
  }
}

function decodeLastGood(row: unknown): LastGood {
  const { entry, revision, since } = isObject(row) ? row : {}
  if (!isObject(entry) || !isText(entry.key) || !isText(revision) || typeof since !== 'number') {
    throw new TypeError('it has a last good value that is none')
  }
  return { entry: decodeEntry(entry as unknown as RegistryEntry), revision, since }
}

function decodeEntry(entry: RegistryEntry): RegistryEntry {
  // Buffers are sent as text. Nodes are made again, so that all nodes have one shape.
  if (entry.kind === 'descriptors') return { ...entry, bytes: Buffer.from(String(entry.bytes), 'base64') }
  return entry.kind === 'nodes' ? { ...entry, nodes: entry.nodes.map(createNode) } : entry
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
