import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { FREE_PORTS } from './support/demo.ts'
import { env, installPacked, link, packCheckout, said } from './support/packed.ts'

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)

let folder: string
/** Where somebody else's program lives, with the package as npm has installed it in its node_modules. */
let consumer: string
let installed: string
let manifest: { version: string; exports: Record<string, string | Record<string, string>> }

before(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'waygate-package-')))
  consumer = join(folder, 'consumer')
  installed = await installPacked(await packCheckout(folder), consumer)
  manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
})

after(() => rm(folder, { recursive: true, force: true }))

/** The largest installation that is accepted. */
const MAX_MB = 10

test('an installation is one package, and stays small', async () => {
  const names = await readdir(join(consumer, 'node_modules'))
  assert.deepEqual(
    names.filter(name => !name.startsWith('.')),
    ['waygate'],
  )
  const entries = await readdir(installed, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  const sizes = await Promise.all(files.map(async file => (await stat(file)).size))
  const mb = sizes.reduce((sum, size) => sum + size, 0) / 1e6
  assert.ok(mb < MAX_MB, `${mb.toFixed(1)} MB`)
})

test('its bill of materials names each package that it contains, with version, license and checksum', async () => {
  const bom = JSON.parse(await readFile(join(installed, 'dist/sbom.cdx.json'), 'utf8'))
  assert.deepEqual([bom.bomFormat, bom.specVersion], ['CycloneDX', '1.6'])
  assert.equal(bom.metadata.component.purl, `pkg:npm/waygate@${manifest.version}`)
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'))
  const licenses = await readFile(join(installed, 'dist/LICENSES.txt'), 'utf8')
  const listed = new Set<string>()
  for (const { group, name, version, purl, licenses: own, hashes } of bom.components) {
    const full = group === undefined ? name : `${group}/${name}`
    listed.add(full)
    assert.equal(purl, `pkg:npm/${full.replace('@', '%40')}@${version}`)
    assert.equal(own.length, 1, full)
    assert.match(hashes[0].content, /^[0-9a-f]{128}$/, full)
    const locked = Object.keys(packages).filter(path => path.endsWith(`node_modules/${full}`))
    assert.ok(
      locked.some(path => packages[path].version === version),
      `${full} ${version} is in the lockfile`,
    )
    assert.ok(licenses.includes(`${full} ${version}, `), `${full} has its license`)
  }
  // Bundled, part of another one of the bundle, loaded late, and copied for the page.
  for (const name of ['fastify', '@grpc/grpc-js', 'undici', 'yaml', 'preact'])
    assert.ok(listed.has(name), `${name} is listed`)
  for (const name of ['typebox', '@grpc/proto-loader', 'esbuild'])
    assert.ok(!listed.has(name), `${name} is not part of it`)
})

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
  // Run by its own first line, so that a missing shebang or mode is found.
  const command = join(consumer, 'node_modules', '.bin', 'waygate')
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
  assert.doesNotMatch(source, /^import[\s{"]/m, 'nothing is loaded before the version was checked')
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node) ?? []
  assert.match(source, new RegExp(`NEEDED_MAJOR=${major};\\s*(?:const|var) NEEDED_MINOR=${minor};`))
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

test('a program in TypeScript gets its types, however it resolves modules, and runs', async () => {
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
  await link(consumer, 'fastify', '@types/node')
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  for (const resolution of [
    { module: 'nodenext' },
    { module: 'node20', moduleResolution: 'node16' },
    { module: 'esnext', moduleResolution: 'bundler' },
  ]) {
    const compilerOptions = {
      ...{ strict: true, target: 'es2024', types: ['node'], noEmit: true },
      ...resolution,
      // As it is without a setting: declarations of packages are checked as well.
      skipLibCheck: false,
    }
    await writeFile(
      join(consumer, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['program.ts'] }),
    )
    await run(process.execPath, [tsc, '--project', consumer], { cwd: consumer }).catch(said)
  }
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
