import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { IS_SOURCE, PACKAGE_FOLDER } from '../cli/version.ts'

/** The folder with Waygate's own files, and those that the program is made of: sources, or what was built from them. */
const [ROOT, FILES] = IS_SOURCE
  ? [PACKAGE_FOLDER, '{cmd,config,discovery,internal,middleware,routes,wrappers}/**/*.ts']
  : [join(PACKAGE_FOLDER, 'dist'), '{cmd,chunks}/*.js']

/** Runs in a worker before anything else: reads the program from stdin, and serves it to imports. */
const RECEIVE = `
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
const texts = new Map(JSON.parse(readFileSync(0, 'utf8')))
const urls = new Set(texts.keys())
registerHooks({
  resolve(specifier, context, next) {
    const url = URL.parse(specifier, context.parentURL)?.href
    return urls.has(url) ? { url, format: 'module', shortCircuit: true } : next(specifier, context)
  },
  load(url, context, next) {
    const source = texts.get(url)
    if (source === undefined) return next(url, context)
    texts.delete(url)
    return { format: 'module', source, shortCircuit: true }
  },
})
`

/** Waygate's own files, as they were when the primary started. */
export interface KeptProgram {
  /** Command line options for `cluster.setupPrimary`. */
  readonly execArgv: readonly string[]
  /** Written to the stdin of each worker. */
  readonly text: string
}

/**
 * Reads Waygate's own files for all workers, also later ones: they run the primary's program even after an update or a
 * `git pull` has replaced its files. Types are stripped here once. Node would do it with a WebAssembly module, which takes
 * 20 MB in each process that runs from sources.
 */
export function keepProgram(): KeptProgram {
  const files = globSync(FILES, { cwd: ROOT }).map(file => join(ROOT, file))
  const read = (file: string) => readFileSync(file, 'utf8')
  const texts = quietly(() =>
    files.map(file => [pathToFileURL(file).href, IS_SOURCE ? stripTypeScriptTypes(read(file)) : read(file)]),
  )
  return {
    execArgv: ['--import', `data:text/javascript,${encodeURIComponent(RECEIVE)}`],
    text: JSON.stringify(texts),
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
