import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageOf } from './imports.ts'

const HOOK = join(import.meta.dirname, 'note-modules.ts')

/** Returns the environment that makes a program write the URL of every module to `file`, at the moment it is loaded. */
export function noteModules(file: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${pathToFileURL(HOOK)}`, LOADED_MODULES: file }
}

/** Returns the names of the packages of which a program has loaded something so far. */
export function loadedPackages(file: string): ReadonlySet<string> {
  const names = readFileSync(file, 'utf8')
    .split('\n')
    .filter(url => url.includes('/node_modules/'))
    .map(url => packageOf(url.slice(url.lastIndexOf('/node_modules/') + '/node_modules/'.length)))
  return new Set(names.filter(name => name !== undefined))
}
