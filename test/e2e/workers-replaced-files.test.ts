import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { bundle } from '../../scripts/bundle.ts'
import { send } from '../support/http.ts'
import { childrenOf } from '../support/processes.ts'
import { openRegistry } from '../support/registry.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { startNodeProgram } from '../support/waygate.ts'

const ROOT = join(import.meta.dirname, '../..')
const FOLDERS = ['cmd', 'config', 'discovery', 'internal', 'middleware', 'routes', 'stores', 'wrappers']
const ARGS = 'start --workers 2 --host 127.0.0.1 --port 0 --admin-port 0 --embedded-etcd 127.0.0.1:0'.split(
  ' ',
)

test('workers run the program that was started, whatever becomes of its sources', async () => {
  await testReplaced(async (program, home) => {
    for (const each of FOLDERS) await cp(join(ROOT, each), join(program, each), { recursive: true })
    await symlink(join(ROOT, 'node_modules'), join(program, 'node_modules'))
    return {
      file: 'cmd/waygate.ts',
      // What an update leaves: some files changed, others gone, and new ones that the old program does not know.
      async update() {
        await rename(join(program, 'wrappers'), join(home, 'wrappers'))
        await rm(join(program, 'cmd/workers'), { recursive: true })
        await mkdir(join(program, 'cmd/workers'))
        for (const file of ['cmd/waygate.ts', 'cmd/main.ts', 'cmd/workers/worker.ts', 'config/schema.ts'])
          await writeFile(join(program, file), 'throw new Error("another version")')
      },
    }
  })
})

test('workers run the built program that was started, whatever becomes of its files', async () => {
  await testReplaced(async program => {
    await bundle(join(program, 'dist'))
    return {
      file: 'dist/cmd/waygate.js',
      async update() {
        await rm(join(program, 'dist/chunks'), { recursive: true })
        await writeFile(join(program, 'dist/cmd/waygate.js'), 'throw new Error("another version")')
      },
    }
  })
})

interface Replaced {
  /** The program, below its folder. */
  readonly file: string
  /** Puts another version in its place. */
  update(): Promise<void>
}

async function testReplaced(prepare: (program: string, home: string) => Promise<Replaced>): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'waygate-replaced-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(home, { recursive: true, force: true }))
  const program = join(home, 'program')
  await mkdir(program)
  await cp(join(ROOT, 'package.json'), join(program, 'package.json'))
  const { file, update } = await prepare(program, home)
  const gateway = stack.use(await startNodeProgram({ file: join(program, file), args: ARGS }))
  const listening = await gateway.logged('waygate is listening')
  const port = Number(new URL(String(listening.public)).port)
  const node = await startService('node')
  stack.defer(() => node.close())
  using registry = openRegistry(String(gateway.log().find(line => line.etcd !== undefined)?.etcd))
  await registry.putNode('echo', 'n1', node)
  const isServed = async () => (await send(port, { path: '/echo/x' })).status === 200
  await until('it serves', isServed, { withinMs: 60_000 })

  await update()
  const before = childrenOf(gateway.pid)
  gateway.child.kill('SIGHUP')
  await gateway.logged('new configuration is active')
  const reloaded = await until('old workers have ended', () => {
    const now = childrenOf(gateway.pid)
    return now.length === 2 && !now.some(pid => before.includes(pid)) && now
  })
  process.kill(reloaded[0]!, 'SIGKILL')
  await until(
    'a crashed worker is replaced',
    async () => {
      const page = (await (await fetch(`${listening.admin}/routes`)).json()) as { workers: { pid: number }[] }
      return page.workers.length === 2 && !page.workers.some(({ pid }) => pid === reloaded[0])
    },
    { withinMs: 60_000 },
  )
  assert.ok(await isServed())
  // The first regular expression is when a worker loads the package for them.
  const match = { headers: { 'x-version': { regex: '[0-9]+' } } }
  await registry.putRoute('numbered', { path: '/numbered/*', service: 'echo', auth: 'none', match })
  await until('the expression is known', async () => {
    const answer = await send(port, { path: '/numbered/x', headers: { 'x-version': '7' } })
    return answer.status === 200
  })
  assert.equal(gateway.stderr(), '')
}
