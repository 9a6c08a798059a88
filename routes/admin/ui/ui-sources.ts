import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The packages of the page: the file in `ui/vendor` that each one becomes, and the module that it is a copy of. Browsers know
 * no bare specifiers, and an import map would be an inline script, which the policy of the page forbids.
 */
export const VENDORED: Readonly<Record<string, { readonly file: string; readonly module: string }>> = {
  preact: { file: 'preact.js', module: 'preact' },
  'preact/hooks': { file: 'preact-hooks.js', module: 'preact/hooks' },
  htm: { file: 'htm.js', module: 'htm' },
  uplot: { file: 'uplot.js', module: 'uplot/dist/uPlot.esm.js' },
}

/** The folder whose pure modules the page shares with the gateway, beside `ui`. They become `ui/shared/NAME.js`. */
const SHARED = '../internal/telemetry/'

/** A specifier of an import or an export, in a module as it is written or minified. */
const SPECIFIER = /(\b(?:from|import)\s*\(?\s*)(['"])([^'"\s]+)\2/g

/**
 * Makes the specifiers of a module of the page such that a browser finds the files: `preact` becomes `./vendor/preact.js`,
 * and `./x.ts` becomes `./x.js`.
 *
 * @param name the path of the module below `ui/`
 */
export function toBrowserImports(source: string, name: string): string {
  return source.replace(
    SPECIFIER,
    (_, before: string, quote: string, specifier: string) =>
      `${before}${quote}${browserPath(specifier, posix.dirname(name))}${quote}`,
  )
}

function browserPath(specifier: string, folder: string): string {
  const vendored = Object.hasOwn(VENDORED, specifier) ? VENDORED[specifier] : undefined
  if (!vendored && !specifier.startsWith('.')) return specifier
  const target = vendored
    ? `vendor/${vendored.file}`
    : posix.join(folder, specifier).replace(SHARED, 'shared/')
  const path = posix.relative(folder, target).replace(/\.ts$/, '.js')
  return path.startsWith('.') ? path : `./${path}`
}

/**
 * Makes a script of the page from the checkout: the source without its types, or the module of a package. The build of the
 * package makes the same files beforehand. Rejects with `ENOENT` when there is none.
 *
 * @param folder that of the sources of the page
 * @param name the path of the script below it, which ends in `.js`
 */
export async function readScript(folder: string, name: string): Promise<string> {
  const vendored = Object.values(VENDORED).find(({ file }) => name === `vendor/${file}`)
  if (vendored) {
    const file = fileURLToPath(import.meta.resolve(vendored.module))
    return toBrowserImports(await readFile(file, 'utf8'), name)
  }
  const path = name.startsWith('shared/') ? name.replace('shared/', SHARED) : name
  const source = await readFile(join(folder, path.replace(/js$/, 'ts')), 'utf8')
  return toBrowserImports(stripTypeScriptTypes(source), name)
}
