import { globSync, readFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { IS_SOURCE, PACKAGE_FOLDER } from '../cli/version.ts'

const FOLDERS = '{cmd,config,discovery,internal,middleware,routes,wrappers}/**/*.ts'

/** What a worker runs before anything else: takes the sources from its stdin, and gives them out as they are imported. */
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

/** How workers get sources without types; for `cluster.setupPrimary`, and then for the stdin of each. */
export interface StrippedSources {
  readonly execArgv: readonly string[]
  readonly text: string
}

/**
 * Our own sources without their types, stripped here once. Node strips them with a WebAssembly module, which takes
 * 20 MB in each process that runs from sources. Undefined for the built package, which has no types.
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

/** Node warns that the function is experimental, of which who starts a gateway can make nothing. */
function quietly<T>(run: () => T): T {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return run()
  } finally {
    process.emitWarning = emitWarning
  }
}
