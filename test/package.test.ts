import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { FREE_PORTS } from './support/demo.ts'

const root = join(import.meta.dirname, '..')
const modules = join(root, 'node_modules')
const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) }
const run = promisify(execFile)

let folder: string
/** Where somebody else's program lives, with the package as it was packed in its node_modules. */
let consumer: string
let installed: string
let manifest: {
  version: string
  dependencies: Record<string, string>
  exports: Record<string, string | Record<string, string>>
}

before(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'waygate-package-')))
  // Packed from a copy, so that the checkout's own dist/ is left alone.
  const checkout = join(folder, 'checkout')
  const left = new Set(
    ['node_modules', '.git', 'dist', '.waygate', 'bench', 'test'].map(name => join(root, name)),
  )
  await cp(root, checkout, { recursive: true, filter: source => !left.has(source) })
  await symlink(modules, join(checkout, 'node_modules'))
  await run('npm', ['pack', '--pack-destination', folder], { cwd: checkout, env }).catch(said)
  const tarball = (await readdir(folder)).find(name => name.endsWith('.tgz'))
  assert.ok(tarball, 'npm pack left a tarball')

  consumer = join(folder, 'consumer')
  installed = join(consumer, 'node_modules', 'waygate')
  await mkdir(installed, { recursive: true })
  await run('tar', ['-xzf', join(folder, tarball), '-C', installed, '--strip-components=1'])
  manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
  // The dependencies it declares and no others, without asking a registry: what is imported but not
  // declared is not found. @types/node is what a TypeScript program on Node has of its own.
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
    const link = join(consumer, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(modules, name), link)
  }
  await writeFile(join(consumer, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
})

/** Compilers complain on stdout, which the error of a failed command leaves out. */
function said(error: { stdout: string; stderr: string }): never {
  assert.fail(`${error.stdout}${error.stderr}`)
}

after(() => rm(folder, { recursive: true, force: true }))

test('it has every file that its exports name, and neither sources nor tests', async () => {
  const targets = Object.entries(manifest.exports).flatMap(([name, target]) => {
    if (name.includes('*')) return []
    return typeof target === 'string' ? [target] : [target.types ?? '', target.default ?? '']
  })
  assert.ok(targets.length >= 5)
  for (const target of targets) assert.ok(existsSync(join(installed, target)), target)
  const schemas = await readdir(join(root, 'docs', 'schema'))
  assert.ok(schemas.length > 0)
  for (const name of schemas) {
    const found = createRequire(join(consumer, 'program.ts')).resolve(`waygate/schema/${name}`)
    assert.equal(found, join(installed, 'docs', 'schema', name))
  }
  const files = (await readdir(installed, { recursive: true, withFileTypes: true }))
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(installed.length + 1))
  const strays = files.filter(name =>
    /(^|\/)(test|bench|scripts)\/|\.test\.|(?<!\.d)\.ts$|\.tgz$|\.env/.test(name),
  )
  assert.deepEqual(strays, [])
  assert.ok(files.includes(join('dist', 'examples', 'routes', 'user-login.json')))
  for (const name of [
    'index.html',
    'main.js',
    'shared/filter.js',
    'vendor/preact.js',
    'vendor/LICENSES.txt',
  ]) {
    assert.ok(files.includes(join('dist', 'ui', name)), name)
  }
})

test('its program runs from another folder', async () => {
  const program = join(installed, 'dist', 'cmd', 'waygate.js')
  // As npm links it. Run by its own first line, so that a missing shebang or mode is found.
  const command = join(consumer, 'node_modules', '.bin', 'waygate')
  await mkdir(dirname(command))
  await symlink(program, command)
  const help = await run(command, ['--help'], { cwd: consumer, env })
  assert.match(help.stdout, /start/)
  const version = await run(command, ['--version'], { cwd: consumer, env })
  assert.ok(version.stdout.includes(manifest.version), version.stdout)
})

test('its demo starts, and ends with Ctrl-C', { timeout: 120_000 }, async () => {
  const program = join(installed, 'dist', 'cmd', 'waygate.js')
  const args = [program, 'demo', ...FREE_PORTS]
  const demo = spawn(process.execPath, args, { cwd: consumer, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(demo, 'exit')
  for await (const line of createInterface(demo.stdout)) {
    if (line.includes('Ctrl-C stops all of it.')) demo.kill('SIGINT')
  }
  assert.deepEqual(await exited, [0, null])
})

test('on a Node.js that is too old, every command says in one line which is needed and how to get it', async t => {
  const { engines } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
  const program = join(installed, 'dist', 'cmd', 'waygate.js')
  const source = await readFile(program, 'utf8')
  assert.doesNotMatch(source, /^import /m, 'nothing is loaded before the version was checked')
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node) ?? []
  assert.match(source, new RegExp(`NEEDED_MAJOR = ${major};\\s+(?:const|var) NEEDED_MINOR = ${minor};`))
  const old = await olderNode(Number(major))
  if (!old) return t.skip('needs an older Node.js, as OLD_NODE or outside node_modules')
  for (const args of [['demo'], ['start'], ['--help'], ['register'], [], ['no-such-command']]) {
    const stderr = `waygate: Node.js ${major}.${minor} or newer is needed, and this is ${old.version}: install a newer one from https://nodejs.org, or run npx -p node@${major} waygate COMMAND\n`
    await assert.rejects(run(old.path, [program, ...args], { cwd: consumer, env: { PATH: '' } }), {
      ...{ code: 1, stdout: '', stderr },
    })
  }
})

/** Finds a Node.js on this machine with a major version below `major`. */
async function olderNode(major: number): Promise<{ path: string; version: string } | undefined> {
  for (const path of [process.env.OLD_NODE, '/usr/bin/node', '/usr/local/bin/node']) {
    if (!path || !existsSync(path)) continue
    const version = (await run(path, ['--version'])).stdout.trim().slice(1)
    if (Number.parseInt(version, 10) < major) return { path, version }
  }
  return undefined
}

test('a program in TypeScript gets its types, and runs', async () => {
  await writeFile(
    join(consumer, 'program.ts'),
    `import Fastify from 'fastify'
import { addressOf, type DiscoveredService, discover, type Node, register, type Registration } from 'waygate'
import waygate, { waygateProxy } from 'waygate/fastify'

export async function start(): Promise<Registration> {
  const app = Fastify()
  await app.register(waygate, { name: 'shop', weight: 3 })
  await app.register(waygateProxy, { service: 'user', prefix: '/user', breaker: { openMs: 1_000 } })
  return register({ name: 'shop', address: '10.0.0.7:3001', weight: 3, metadata: { version: '1.2.0' } })
}

export async function call(signal: AbortSignal): Promise<string | undefined> {
  const users: DiscoveredService = await discover('user', { etcd: ['http://10.0.0.1:2379'], dataDir: 'data', signal })
  const off: () => void = users.onChange((nodes: readonly Node[]) => console.log(nodes.length))
  const { connected, stale, revision, ageMs } = users.status
  console.log(connected && !stale, revision?.length, ageMs?.toFixed(0))
  const node = users.pick() ?? users.random()
  off()
  await users.close()
  return node && addressOf(node)
}

// @ts-expect-error the list is not for others to change
export const add = (users: DiscoveredService, node: Node) => users.nodes.push(node)

// @ts-expect-error a weight is a number
export const wrong = () => register({ name: 'shop', address: '10.0.0.7:3001', weight: 'heavy' })

console.log(typeof register, typeof discover, typeof waygate)
`,
  )
  const compilerOptions = {
    strict: true,
    module: 'nodenext',
    target: 'es2024',
    types: ['node'],
    noEmit: true,
  }
  await writeFile(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  const tsc = join(modules, 'typescript', 'bin', 'tsc')
  await run(process.execPath, [tsc, '--project', consumer], { cwd: consumer }).catch(said)
  const { stdout } = await run(process.execPath, ['program.ts'], { cwd: consumer, env })
  assert.equal(stdout, 'function function function\n')
})

test('its example services run without the sources', async () => {
  const service = spawn(process.execPath, [join(installed, 'dist', 'examples', 'task', 'main.js')], {
    env: { PATH: env.PATH, WAYGATE_ETCD: 'http://127.0.0.1:1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(service, 'exit')
  for await (const line of createInterface({ input: service.stdout })) {
    if (line.includes('Server listening at ')) service.kill()
  }
  assert.deepEqual(await exited, [0, null])
})
