import type { Node } from './node.ts'

/** Selects the nodes that are registered with all of these values. */
export interface NodeSelector {
  /** The value of the metadata `version`. */
  readonly version?: string | undefined
  /** Values by the name of the metadata. */
  readonly meta?: Readonly<Record<string, string>> | undefined
}

/** The nodes of a service that may get a request. Plain data, frozen. */
export interface NodeSelection {
  /** Only nodes that this selects; undefined = all nodes that do not wait to be selected. */
  readonly only?: NodeSelector | undefined
  /** And none that one of these selects. */
  readonly except: readonly NodeSelector[]
  /** The same text for the same selection. */
  readonly key: string
}

/** Combines selectors; see {@link NodeSelection}. */
export function createNodeSelection(
  only: NodeSelector | undefined,
  except: readonly NodeSelector[] = [],
): NodeSelection {
  const key = JSON.stringify([only && entriesOf(only), except.map(entriesOf)])
  return Object.freeze({ only, except: Object.freeze([...except]), key })
}

export function includesNode({ only, except }: NodeSelection, node: Node): boolean {
  if (only === undefined ? waitsToBeSelected(node) : !selects(only, node)) return false
  return !except.some(selector => selects(selector, node))
}

/** Returns whether a node has all values of a selector. */
export function selects(selector: NodeSelector, { metadata }: Pick<Node, 'metadata'>): boolean {
  return entriesOf(selector).every(
    ([name, value]) => Object.hasOwn(metadata, name) && metadata[name] === value,
  )
}

/**
 * Returns whether a node gets only requests whose route selects it: it is registered with the metadata
 * `traffic: "selected"`.
 */
export function waitsToBeSelected({ metadata }: Pick<Node, 'metadata'>): boolean {
  return metadata.traffic === 'selected'
}

/** The metadata that a selector asks for, ordered by name. */
export function entriesOf({ version, meta = {} }: NodeSelector): [name: string, value: string][] {
  const entries = Object.entries(meta).sort(([a], [b]) => (a < b ? -1 : 1))
  return version === undefined ? entries : [['version', version], ...entries]
}
