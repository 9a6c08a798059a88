import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'

/** The line that a contender prints when it serves: its port, and the version of the measured package or program. */
export interface Announcement {
  readonly port: number
  readonly version: string
}

/** Tells the benchmark that this contender serves. */
export function announce(port: number, version: string): void {
  console.log(JSON.stringify({ port, version } satisfies Announcement))
}

/** Returns the version of a package that is installed for the benchmark. */
export function versionOf(name: string): string {
  const file = findPackageJSON(name, import.meta.url)
  if (file === undefined) throw new Error(`${name} is not installed`)
  return JSON.parse(readFileSync(file, 'utf8')).version
}
