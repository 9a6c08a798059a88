import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'

/** The line that a contender prints once it serves: where, and which version of what is measured. */
export interface Announcement {
  readonly port: number
  readonly version: string
}

/** Tells whoever started this contender that it serves. */
export function announce(port: number, version: string): void {
  console.log(JSON.stringify({ port, version } satisfies Announcement))
}

/** The version of a package as contenders find it: that of bench's own node_modules. */
export function versionOf(name: string): string {
  const file = findPackageJSON(name, import.meta.url)
  if (file === undefined) throw new Error(`${name} is not installed`)
  return JSON.parse(readFileSync(file, 'utf8')).version
}
