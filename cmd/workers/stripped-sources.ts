import { globSync, readFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { IS_SOURCE, PACKAGE_FOLDER } from '../cli/version.ts'

const FOLDERS = '{cmd,config,discovery,internal,middleware,routes,wrappers}/**/*.ts'

/** Runs in a worker before anything else: reads the sources from stdin, and serves them to imports. */
const RECEIVE = `
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
const sources = new Map(JSON.parse(readFileSync(0, 'utf8')))
registerHooks({
  load(url, context, next) {
    const source = sources.get(url)
    if (source === undefined) return next(url, context)
    sources.delete(url)
    return { format: 'module', source, shortCircuit: true }
  },
})
`

/** Sources without types for workers. */
export interface StrippedSources {
  /** Command line options for `cluster.setupPrimary`. */
  readonly execArgv: readonly string[]
  /** Written to the stdin of each worker. */
  readonly text: string
}

/**
 * Strips the types from Waygate's own sources, once for all workers. Node would do it with a WebAssembly module, which
 * takes 20 MB in each process that runs from sources. Undefined for the built package, which has no types.
 */
export function stripSources(): StrippedSources | undefined {
  if (!IS_SOURCE || !('registerHooks' in nodeModule)) return undefined
  const files = globSync(FOLDERS, { cwd: PACKAGE_FOLDER }).map(file => join(PACKAGE_FOLDER, file))
  const sources = quietly(() =>
    files.map(file => [
      pathToFileURL(file).href,
      nodeModule.stripTypeScriptTypes(readFileSync(file, 'utf8')),
    ]),
  )
  return {
    execArgv: ['--import', `data:text/javascript,${encodeURIComponent(RECEIVE)}`],
    text: JSON.stringify(sources),
  }
}

/** Suppresses Node's warning that the function is experimental: an operator could do nothing about it. */
function quietly<T>(run: () => T): T {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return run()
  } finally {
    process.emitWarning = emitWarning
  }
}
