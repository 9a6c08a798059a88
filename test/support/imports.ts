/** One import of a source file. */
export interface Import {
  /** As written in the source: `../internal/node.ts`, `node:net`, `typebox/value`. */
  readonly specifier: string
  /** Whether the import disappears when types are stripped. */
  readonly typeOnly: boolean
}

const STATEMENT = /^(?:import|export)\s+(type\s)?[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]/gm
const SIDE_EFFECT = /^import\s*['"]([^'"]+)['"]/gm
const DYNAMIC = /\bimport\s*\(\s*['"`]([^'"`]+)['"`]/g
const REQUIRED = /\brequire(?:\.resolve)?\s*\(\s*['"]([^'"]+)['"]/g

/** Finds the imports of a source text, in any form. */
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

/** Returns the package: `@scope/name` for `@scope/name/deep/file.js`; undefined for files and modules of Node. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined
  return /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0]
}
