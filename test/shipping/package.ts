/**
 * `npm run test:package`: installs the packed package as a user does, and runs its command on each line of Node.js that the
 * project says something about. These are fetched from the registry as packages, about 50 MB each, unless `NODE_VERSIONS` is a
 * folder that has them from a run before. The types and the rest are in `test/package.test.ts`, which needs no network.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { askDemo } from '../support/asked-demo.ts'
import { env, installPacked, packCheckout, said } from '../support/packed.ts'
import { runProgram } from '../support/waygate.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** The oldest release that may start the package, and the lines that work. */
const TOO_OLD = '20'
const WORKING = ['22.19.0', '22', '24', '26']

let folder: string
let command: string

before(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'waygate-shipping-')))
  await installPacked(await packCheckout(folder), join(folder, 'consumer'))
  command = join(folder, 'consumer/node_modules/.bin/waygate')
})

after(() => rm(folder, { recursive: true, force: true }))

/** Installs a Node.js. Resolves with an environment in which it is `node`. */
async function environmentOf(version: string): Promise<Record<string, string>> {
  const name = `node-${process.platform}-${process.arch}`
  const prefix = join(process.env.NODE_VERSIONS ?? folder, version)
  const bin = join(prefix, 'node_modules', name, 'bin')
  if (!existsSync(bin)) {
    await mkdir(prefix, { recursive: true })
    const args = ['install', '--prefix', prefix, '--no-audit', '--no-save', `${name}@${version}`]
    await run('npm', args, { cwd: prefix, env }).catch(said)
  }
  return { PATH: `${bin}:/usr/bin:/bin` }
}

test(`Node.js ${TOO_OLD} gets one line that says why not`, async () => {
  const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const needed = engines.node.replace('>=', '').replace('.', '\\.')
  const started = { file: command, args: ['demo'], env: await environmentOf(TOO_OLD) }
  const { code, stdout, stderr } = await runProgram(started)
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, new RegExp(`^waygate: Node\\.js ${needed} or newer is needed, and this is 20\\..*\n$`))
})

for (const version of WORKING) {
  test(`the demo of the installed package works on Node.js ${version}`, async () => {
    await askDemo(command, await environmentOf(version))
  })
}
