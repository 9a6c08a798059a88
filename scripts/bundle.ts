import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { build } from 'esbuild'

const root = dirname(import.meta.dirname)

/** The programs of the package, and what other programs import. */
const ENTRIES = [
  'cmd/waygate.ts',
  'index.ts',
  'fastify.ts',
  'examples/put-routes.ts',
  'examples/task/main.ts',
  'examples/user/main.ts',
]

/**
 * Writes the JavaScript of the package to `folder`: for each entry a file of the same name, which loads what it needs from a
 * few chunks. A start reads a dozen files rather than four hundred. Packages are not part of it. Files that are there
 * already with the same content are left alone, so several may write at once. Rejects when a source cannot be read.
 */
export async function bundle(folder: string): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: ENTRIES,
    absWorkingDir: root,
    outbase: root,
    outdir: folder,
    write: false,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    packages: 'external',
    conditions: ['waygate-source'],
    platform: 'node',
    format: 'esm',
    target: 'node22.19',
    logLevel: 'warning',
  })
  for (const { path, contents } of outputFiles) {
    const present = await readFile(path).catch(() => undefined)
    if (present?.equals(contents)) continue
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, contents)
  }
}
