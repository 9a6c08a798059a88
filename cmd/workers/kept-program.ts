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

/**
 * Runs in a worker before anything else: reads the program from stdin, and serves it to imports. First come the names and the
 * lengths of the files as a line of JSON, then the files. A worker loads half of them, and makes no string of the others.
 */
const RECEIVE = `
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
const files = readFiles(readFileSync(0))
const urls = new Set(files.keys())
function readFiles(all) {
  let at = all.indexOf('\\n') + 1
  const lengths = JSON.parse(all.subarray(0, at))
  // Copies, so that each can be given back by itself.
  return new Map(lengths.map(([url, bytes]) => [url, Buffer.from(all.subarray(at, (at += bytes)))]))
}
const formatOf = url => (url.endsWith('.cjs') ? 'commonjs' : 'module')
registerHooks({
  resolve(specifier, context, next) {
    const url = URL.parse(specifier, context.parentURL)?.href
    return urls.has(url) ? { url, format: formatOf(url), shortCircuit: true } : next(specifier, context)
  },
  load(url, context, next) {
    const file = files.get(url)
    if (file === undefined) return next(url, context)
    files.delete(url)
    return { format: formatOf(url), source: file.toString(), shortCircuit: true }
  },
})
`

/** Waygate's own files, as they were when the primary started. */
export interface KeptProgram {
  /** Command line options for `cluster.setupPrimary`. */
  readonly execArgv: readonly string[]
  /** Written to the stdin of each worker. */
  readonly bytes: Uint8Array
  /** What is executed in place of `process.execPath`, if anything is. */
  readonly execPath?: string
}

/**
 * Reads Waygate's own files for all workers, also later ones: they run the primary's program even after an update or a
 * `git pull` has replaced its files. Types are stripped here once. Node would do it with a WebAssembly module, which takes
 * 20 MB in each process that runs from sources.
 */
export function keepProgram(): KeptProgram {
  if (IS_EXECUTABLE) return { execArgv: [], bytes: Buffer.alloc(0), execPath: OWN_FILE }
  const files = IS_SOURCE ? quietly(readSources) : readBuilt()
  const lengths = Array.from(files, ([file, bytes]) => [pathToFileURL(file).href, bytes.length])
  return {
    execArgv: ['--import', `data:text/javascript,${encodeURIComponent(RECEIVE)}`],
    bytes: Buffer.concat([Buffer.from(`${JSON.stringify(lengths)}\n`), ...files.values()]),
  }
}

/** Returns the sources without their types, by file. */
function readSources(): ReadonlyMap<string, Buffer> {
  const files = globSync(SOURCES, { cwd: PACKAGE_FOLDER }).map(file => join(PACKAGE_FOLDER, file))
  return new Map(files.map(file => [file, Buffer.from(stripTypeScriptTypes(readFileSync(file, 'utf8')))]))
}

/** Returns the built program and all that it may load, by file. The library of the package has more. */
function readBuilt(): ReadonlyMap<string, Buffer> {
  const files = new Map([[join(PACKAGE_FOLDER, BUILT), Buffer.alloc(0)]])
  for (const file of files.keys()) {
    const bytes = readFileSync(file)
    files.set(file, bytes)
    // What is looked for is ASCII.
    for (const [, path = ''] of bytes.toString('latin1').matchAll(BESIDE)) {
      const target = join(dirname(file), path)
      if (!files.has(target) && existsSync(target)) files.set(target, Buffer.alloc(0))
    }
  }
  return files
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
