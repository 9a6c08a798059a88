/** The subjects of the checks, in the order in which findings are reported. */
export const CHECKS = [
  'configuration',
  'connection',
  'version',
  'cluster',
  'members',
  'space',
  'authentication',
  'leases',
  'nodes',
  'certificates',
  'routes',
  'watch',
  'writing',
] as const

export type Check = (typeof CHECKS)[number]

/**
 * `problem`: something does not work, or a value is not used. `warning`: it works, but is probably not what
 * was intended. `skipped`: it could not be checked, which is neither good nor bad.
 */
export type Level = 'ok' | 'warning' | 'problem' | 'skipped'

/** The result of checking one thing. */
export interface DoctorFinding {
  readonly check: Check
  readonly level: Level
  /** One sentence without a full stop, for people. Never contains a password. */
  readonly message: string
  /** What to do about it. */
  readonly hint?: string | undefined
  readonly details?: Details | undefined
}

/** Facts for programs. */
export interface Details {
  /** The items that the message counts, at most about 20, one line each. */
  readonly items?: readonly string[] | undefined
  /** How many more items there are. */
  readonly more?: number | undefined
  readonly [fact: string]: unknown
}

const MAX_ITEMS = 20

/** Returns the first of many items, and how many more there are. */
export function listed(items: readonly string[], max: number = MAX_ITEMS): Details {
  return items.length > max ? { items: items.slice(0, max), more: items.length - max } : { items }
}

/** Returns a number with its noun: `1 key`, `2 keys`. */
export function quantity(number: number, singular: string, plural: string = `${singular}s`): string {
  return `${number} ${number === 1 ? singular : plural}`
}

/** Formats a number of bytes for people, in binary units. */
export function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`
}

/** Formats milliseconds for people. */
export function duration(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`
}
