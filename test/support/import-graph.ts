import { posix } from 'node:path'
import { importsOf } from './imports.ts'

/** Source texts by path, relative to the project. */
export type Sources = ReadonlyMap<string, string>

/** Returns the files that each file imports, types included. */
export function importGraph(sources: Sources): Map<string, string[]> {
  return new Map(
    [...sources].map(([file, source]) => [
      file,
      importsOf(source)
        .map(({ specifier }) => posix.join(posix.dirname(file), specifier))
        .filter(target => sources.has(target)),
    ]),
  )
}

/**
 * Returns the groups of files that import each other in a circle, each sorted. Source: Tarjan, Depth-First Search and
 * Linear Graph Algorithms, 1972.
 */
export function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = []
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const path: string[] = []
  const onPath = new Set<string>()

  function visit(file: string): void {
    order.set(file, order.size)
    low.set(file, order.get(file)!)
    path.push(file)
    onPath.add(file)
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) visit(next)
      if (onPath.has(next)) low.set(file, Math.min(low.get(file)!, low.get(next)!))
    }
    if (low.get(file) !== order.get(file)) return
    const circle = path.splice(path.indexOf(file))
    for (const member of circle) onPath.delete(member)
    if (circle.length > 1) circles.push(circle.sort())
  }

  for (const file of graph.keys()) if (!order.has(file)) visit(file)
  return circles
}

const EXPORTED =
  /^export (?:declare )?(?:async )?(?:abstract )?(?:function\*?|class|const|let|interface|type|enum) (\w+)/gm

/** Returns the names that more than one file exports, with those files. */
export function namesTwice(sources: Sources): Map<string, string[]> {
  const files = new Map<string, Set<string>>()
  for (const [file, source] of sources) {
    for (const [, name] of source.matchAll(EXPORTED)) {
      files.set(name!, (files.get(name!) ?? new Set()).add(file))
    }
  }
  return new Map([...files].filter(([, set]) => set.size > 1).map(([name, set]) => [name, [...set].sort()]))
}
