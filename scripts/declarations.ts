import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')

/** What other programs import. */
const ENTRIES = ['index.d.ts', 'fastify.d.ts']

/** A module that a declaration names. */
const SPECIFIER = /\b(?:from |import\()'([^']+)'/g

/**
 * Writes the type declarations of the package to `folder`: those of the two entries, and what they reach.
 *
 * @throws Error with what the compiler says, or when a declaration names a package: it would have to be installed for its
 * types alone. `@internal` before a function keeps it out of the declarations.
 */
export function writeDeclarations(folder: string): void {
  const all = mkdtempSync(join(tmpdir(), 'waygate-types-'))
  try {
    const project = join(root, 'tsconfig.build.json')
    const { status, stdout } = spawnSync(process.execPath, [tsc, '--project', project, '--outDir', all], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`tsc failed:\n${stdout}`)
    const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const reached = new Set(ENTRIES)
    for (const file of reached) {
      const text = readFileSync(join(all, file), 'utf8')
      for (const [, specifier = ''] of text.matchAll(SPECIFIER)) {
        if (specifier.startsWith('.')) reached.add(join(dirname(file), specifier.replace(/\.ts$/, '.d.ts')))
        else if (!specifier.startsWith('node:') && !Object.hasOwn(peerDependencies, specifier))
          throw new Error(`${file} names ${specifier}, which an installation does not have`)
      }
      mkdirSync(join(folder, dirname(file)), { recursive: true })
      copyFileSync(join(all, file), join(folder, file))
    }
  } finally {
    rmSync(all, { recursive: true })
  }
}
