import { pathOf } from '../http/target.ts'

/**
 * Returns what a path has where the pattern of its route has `:name`, decoded, or, for the name `*`, everything that the
 * trailing `*` matched, not decoded. A segment whose escapes are not UTF-8 is not decoded either. Undefined when the
 * pattern has no such place.
 *
 * @param target a request target that the pattern matches
 */
export function pathParameter(pattern: string, target: string, name: string): string | undefined {
  const index = pattern.split('/').indexOf(name === '*' ? '*' : `:${name}`)
  if (index === -1) return undefined
  const segments = pathOf(target).split('/')
  if (name === '*') return segments.slice(index).join('/')
  const segment = segments[index]
  if (!segment?.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
