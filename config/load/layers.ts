import { jsonPath, type Path, type SourcedProblem } from '../kit/problem.ts'
import { isTree } from '../kit/values.ts'
import { FIELDS } from './fields.ts'

/** A value set by the environment or on the command line. */
export interface Setting {
  /** The path of the field, keys joined by dots: `etcd.endpoints`. */
  readonly path: string
  readonly value: unknown
  /** `environment WAYGATE_PORT` or `option --port`. */
  readonly source: string
}

/** Groups of fields of which only one can be set. One that is set in a stronger layer replaces the others. */
const EITHER: readonly (readonly string[])[] = [
  ...Map.groupBy(FIELDS, ({ path, schema: { insteadOf } }) =>
    insteadOf === undefined ? path : [...path.split('.').slice(0, -1), insteadOf].join('.'),
  ).values(),
]
  .filter(group => group.length > 1)
  .map(group => group.map(({ path }) => path))

/** The values set by all layers, from the weakest to the strongest, and where each was set. */
export class Layers {
  /** The merged document, without defaults. */
  readonly tree: unknown
  readonly problems: SourcedProblem[] = []
  readonly #sources = new Map<string, string>()
  readonly #locate: (path: Path) => string
  readonly #hasFile: boolean

  /** @param file the weakest layer; its `locate` returns where in the file a path is */
  constructor(file: { readonly value: unknown; locate(path: Path): string } | undefined) {
    this.#hasFile = file !== undefined
    this.#locate = path => file?.locate(path) ?? 'default'
    this.tree = structuredClone(file?.value ?? {})
    this.#refuseBoth(path => (get(this.tree, path) === undefined ? undefined : this.#locate(path.split('.'))))
  }

  /** Applies a layer that is stronger than those before it. */
  apply(settings: readonly Setting[]): void {
    const ofLayer = new Map(settings.map(setting => [setting.path, setting.source]))
    this.#refuseBoth(path => ofLayer.get(path))
    for (const { path, value, source } of settings) {
      for (const other of EITHER.find(group => group.includes(path)) ?? []) {
        if (ofLayer.has(other)) continue
        remove(this.tree, other)
        this.#sources.delete(other)
      }
      put(this.tree, path, value)
      this.#sources.set(path, source)
    }
  }

  /** Applies a layer that is weaker than all before it: only fields that none of them has set. */
  applyBelow(settings: readonly Setting[]): void {
    this.apply(settings.filter(({ path }) => get(this.tree, path) === undefined))
  }

  /** Returns where the value at a path was set; `default` when it was not. */
  sourceOf(path: string): string {
    return get(this.tree, path) === undefined ? 'default' : this.nearestSource(path.split('.'))
  }

  /** Returns where the value at a path was set, or the innermost part of the path that was set. */
  nearestSource(path: Path): string {
    const keys = path.map(String)
    for (let length = keys.length; length > 0; length -= 1) {
      const source = this.#sources.get(keys.slice(0, length).join('.'))
      if (source !== undefined) return source
    }
    if (this.#hasFile && get(this.tree, keys[0] ?? '') !== undefined) return this.#locate(path)
    return keys.length === 0 && this.#hasFile ? this.#locate(path) : 'default'
  }

  #refuseBoth(sourceOf: (path: string) => string | undefined): void {
    for (const group of EITHER) {
      const [first, second] = group.filter(path => sourceOf(path) !== undefined)
      if (first === undefined || second === undefined) continue
      this.problems.push({
        path: jsonPath(second.split('.')),
        message: `must not be set together with ${first}`,
        source: sourceOf(second)!,
      })
    }
  }
}

function get(tree: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => (isTree(inner) ? inner[key] : undefined), tree)
}

function put(tree: unknown, path: string, value: unknown): void {
  const keys = path.split('.')
  const last = keys.pop()!
  let inner = tree
  for (const key of keys) {
    // A value in the file that is not an object is left for the schema to refuse.
    if (!isTree(inner)) return
    inner[key] ??= {}
    inner = inner[key]
  }
  if (isTree(inner)) inner[last] = value
}

function remove(tree: unknown, path: string): void {
  const keys = path.split('.')
  const last = keys.pop()!
  const inner = keys.length === 0 ? tree : get(tree, keys.join('.'))
  if (isTree(inner)) delete inner[last]
}
