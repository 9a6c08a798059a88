/** One import of a source file. */
export interface Import {
  /** As it is written: `../internal/node.ts`, `node:net`, `typebox/value`. */
  readonly specifier: string
  /** Whether it is gone once types are stripped. */
  readonly typeOnly: boolean
}

const STATEMENT = /^(?:import|export)\s+(type\s)?[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]/gm
const SIDE_EFFECT = /^import\s*['"]([^'"]+)['"]/gm
const DYNAMIC = /\bimport\s*\(\s*['"`]([^'"`]+)['"`]/g
const REQUIRED = /\brequire(?:\.resolve)?\s*\(\s*['"]([^'"]+)['"]/g

/** The imports of a source text, whatever their form. */
export function importsOf(source: string): Import[] {
  const found = [...source.matchAll(STATEMENT)].map(([, type, specifier]) => ({
    specifier: specifier!,
    typeOnly: type !== undefined,
  }))
  for (const pattern of [SIDE_EFFECT, DYNAMIC, REQUIRED]) {
    for (const [, specifier] of source.matchAll(pattern))
      found.push({ specifier: specifier!, typeOnly: false })
  }
  return found
}

/** `@scope/name` of `@scope/name/deep/file.js`; undefined for our own files and for Node's modules. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined
  return /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0]
}
