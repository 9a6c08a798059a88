import { posix } from 'node:path'
import { importsOf, packageOf } from './imports.ts'

/** Which top-level folders each one may import, besides itself. Folders that are not listed may import anything. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  internal: [],
  config: ['internal'],
  discovery: ['internal'],
  middleware: ['internal'],
  wrappers: ['internal'],
  routes: ['middleware', 'internal'],
  cmd: ['config', 'discovery', 'internal', 'middleware', 'routes', 'wrappers', 'examples'],
  'index.ts': ['config', 'discovery', 'internal', 'middleware', 'routes', 'wrappers'],
}

// Pure values and calculations. All other modules of Node do I/O or wait.
const PURE_MODULES = [
  'node:assert',
  'node:buffer',
  'node:querystring',
  'node:string_decoder',
  'node:url',
  'node:util',
]

/** The folders and files that may import a package, by package name. */
export type PackagePlaces = ReadonlyMap<string, readonly string[]>

const REACHING_OUT = /\b(setTimeout|setInterval|setImmediate|queueMicrotask|fetch|console|process)\s*[.(]/

/** Returns the violations in a file, one line each; `file` is relative to the project. */
export function brokenArrows(file: string, source: string, places: PackagePlaces): string[] {
  const room = file.split('/')[0] ?? file
  const open = ARROWS[room]
  if (open === undefined) return []
  const broken: string[] = []
  for (const { specifier, typeOnly } of importsOf(source)) {
    const name = packageOf(specifier)
    if (name !== undefined) {
      const allowed = places.get(name) ?? []
      if (!allowed.some(place => isIn(file, place))) {
        broken.push(`${file}: ${name} is imported in ${allowed.join(', ') || 'no place'} alone`)
      }
    } else if (specifier.startsWith('node:')) {
      if (room === 'internal' && !typeOnly && !PURE_MODULES.includes(specifier)) {
        broken.push(`${file}: internal must not import ${specifier}: it does no I/O and sets no timers`)
      }
    } else {
      const target = posix.join(posix.dirname(file), specifier).split('/')[0] ?? ''
      if (target !== room && !open.includes(target)) {
        broken.push(`${file}: ${room} must not import ${target} (${specifier})`)
      }
    }
  }
  const [, name] = (room === 'internal' && REACHING_OUT.exec(withoutComments(source))) || []
  if (name !== undefined)
    broken.push(`${file}: internal must not use ${name}: it does no I/O and sets no timers`)
  return broken
}

function withoutComments(source: string): string {
  return source.replace(/^\s*(?:\/?\*|\/\/).*$/gm, '')
}

/** Reports whether a file is `place` itself, or in that folder. */
export function isIn(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`)
}
