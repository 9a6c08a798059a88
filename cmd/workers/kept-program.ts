import { existsSync, globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { IS_EXECUTABLE, IS_SOURCE, PACKAGE_FOLDER } from '../cli/version.ts'

/** The sources that the program is made of, below the checkout. */
const SOURCES = '{cmd,config,discovery,internal,middleware,routes,stores,wrappers}/**/*.ts'
/** The built program, below the package. */
const BUILT = 'dist/cmd/waygate.js'
/** The file that the process runs, also when it was replaced. Its files are within it. */
const OWN_FILE = '/proc/self/exe'
/** A file beside a built one, as that one names it. */
const BESIDE = /"(\.{1,2}\/[^"]+\.c?js)"/g

/** Runs in a worker before anything else: reads the program from stdin, and serves it to imports. */
const RECEIVE = `
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
const texts = new Map(JSON.parse(readFileSync(0, 'utf8')))
const urls = new Set(texts.keys())
const formatOf = url => (url.endsWith('.cjs') ? 'commonjs' : 'module')
registerHooks({
  resolve(specifier, context, next) {
    const url = URL.parse(specifier, context.parentURL)?.href
    return urls.has(url) ? { url, format: formatOf(url), shortCircuit: true } : next(specifier, context)
  },
  load(url, context, next) {
    const source = texts.get(url)
    if (source === undefined) return next(url, context)
    texts.delete(url)
    return { format: formatOf(url), source, shortCircuit: true }
  },
})
`

/** Waygate's own files, as they were when the primary started. */
export interface KeptProgram {
  /** Command line options for `cluster.setupPrimary`. */
  readonly execArgv: readonly string[]
  /** Written to the stdin of each worker. */
  readonly text: string
  /** What is executed in place of `process.execPath`, if anything is. */
  readonly execPath?: string
}

/**
 * Reads Waygate's own files for all workers, also later ones: they run the primary's program even after an update or a
 * `git pull` has replaced its files. Types are stripped here once. Node would do it with a WebAssembly module, which takes
 * 20 MB in each process that runs from sources.
 */
export function keepProgram(): KeptProgram {
  if (IS_EXECUTABLE) return { execArgv: [], text: '', execPath: OWN_FILE }
  const texts = IS_SOURCE ? quietly(readSources) : readBuilt()
  return {
    execArgv: ['--import', `data:text/javascript,${encodeURIComponent(RECEIVE)}`],
    text: JSON.stringify(Array.from(texts, ([file, text]) => [pathToFileURL(file).href, text])),
  }
}

/** Returns the texts of the sources without their types, by file. */
function readSources(): ReadonlyMap<string, string> {
  const files = globSync(SOURCES, { cwd: PACKAGE_FOLDER }).map(file => join(PACKAGE_FOLDER, file))
  return new Map(files.map(file => [file, stripTypeScriptTypes(readFileSync(file, 'utf8'))]))
}

/** Returns the texts of the built program and of all that it may load, by file. The library of the package has more. */
function readBuilt(): ReadonlyMap<string, string> {
  const texts = new Map([[join(PACKAGE_FOLDER, BUILT), '']])
  for (const file of texts.keys()) {
    const text = readFileSync(file, 'utf8')
    texts.set(file, text)
    for (const [, path = ''] of text.matchAll(BESIDE)) {
      const target = join(dirname(file), path)
      if (!texts.has(target) && existsSync(target)) texts.set(target, '')
    }
  }
  return texts
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
