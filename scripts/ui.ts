import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, extname, join, posix } from 'node:path'
import { transform } from 'esbuild'
import { readScript, VENDORED } from '../routes/admin/ui/ui-sources.ts'
import { licenseOf } from './bundle.ts'

const root = dirname(import.meta.dirname)
const sources = join(root, 'ui')

/** The relative specifiers of a script that is ready for browsers. */
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*["'](\.[^"']+)["']/g

/**
 * Writes the page of the dashboard to `folder`, as the admin listener serves it: its scripts without types and spaces, the
 * packages that they use, with their licenses, and the other files as they are. There is no bundle: each source is one file.
 */
export async function buildUi(folder: string): Promise<void> {
  const scripts = new Map<string, string>()
  const read = async (name: string): Promise<void> => {
    if (scripts.has(name)) return
    scripts.set(name, '')
    const script = await readScript(sources, name)
    const { code } = await transform(script, {
      minify: true,
      format: 'esm',
      target: 'es2023',
      legalComments: 'none',
    })
    scripts.set(name, code)
    const imported = [...code.matchAll(IMPORT)].map(([, path]) => posix.join(posix.dirname(name), path!))
    await Promise.all(imported.map(read))
  }
  await read('main.js')
  for (const [name, code] of scripts) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), code)
  }
  for (const name of await readdir(sources, { recursive: true })) {
    if (['.css', '.html', '.svg'].includes(extname(name))) await cp(join(sources, name), join(folder, name))
  }
  const packages = [...new Set(Object.keys(VENDORED).map(name => name.split('/')[0]!))]
  const licenses = packages.map(name => licenseOf(`node_modules/${name}`))
  await writeFile(join(folder, 'vendor', 'LICENSES.txt'), licenses.join(`\n${'-'.repeat(80)}\n\n`))
}
