import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../..')
const modules = join(root, 'node_modules')
const run = promisify(execFile)

/** The environment in which `node` is this one. */
export const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) }

/** What the build of the package has no use for, or makes anew. */
const LEFT_OUT = ['node_modules', '.git', 'dist', '.waygate', 'bench', 'test']

/**
 * Packs the checkout with `npm pack`, from a copy, so that its own `dist` is left alone. Resolves with the path of the
 * tarball, which is in `folder`.
 */
export async function packCheckout(folder: string): Promise<string> {
  const checkout = join(folder, 'checkout')
  const left = new Set(LEFT_OUT.map(name => join(root, name)))
  await cp(root, checkout, { recursive: true, filter: source => !left.has(source) })
  await symlink(modules, join(checkout, 'node_modules'))
  await run('npm', ['pack', '--pack-destination', folder], { cwd: checkout, env }).catch(said)
  const tarball = (await readdir(folder)).find(name => name.endsWith('.tgz'))
  assert.ok(tarball, 'npm pack left a tarball')
  return join(folder, tarball)
}

/**
 * Installs a tarball with npm into an empty folder, without asking a registry: it fails for a package that needs another one.
 * Resolves with the folder of the installed package.
 */
export async function installPacked(tarball: string, consumer: string): Promise<string> {
  await mkdir(consumer, { recursive: true })
  await writeFile(join(consumer, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  const cache = ['--cache', join(consumer, '.npm-cache')]
  await run('npm', ['install', '--offline', ...cache, tarball], { cwd: consumer, env }).catch(said)
  return join(consumer, 'node_modules', 'waygate')
}

/** Gives a consumer packages that it would install itself, from the checkout. */
export async function link(consumer: string, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const target = join(consumer, 'node_modules', name)
    await mkdir(dirname(target), { recursive: true })
    await symlink(join(modules, name), target)
  }
}

/** Fails with what a command has printed. Compilers complain on stdout, which the error of a failed command leaves out. */
export function said(error: { stdout: string; stderr: string }): never {
  assert.fail(`${error.stdout}${error.stderr}`)
}
