import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { openRegistry } from '../support/registry.ts'
import { startService } from '../support/service.ts'
import { filesIn, snapshotIn } from '../support/start-from-disk.ts'
import { until } from '../support/until.ts'
import { type RunningGateway, startGateway } from '../support/waygate.ts'

/** Runs a program that has its own file system at `.waygate`, which goes with it. */
const mounted = (options: string) => [
  'unshare',
  '-m',
  'sh',
  '-c',
  `mkdir .waygate && mount -t tmpfs -o ${options} tmpfs .waygate && exec "$@"`,
  'sh',
]
const mayMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0
const FAILED = 'writing the snapshot failed'

test('a data directory that is read-only or full stops neither a start nor changes, and is said once per file', async t => {
  if (!requireEtcd(t)) return
  if (!mayMount) return t.skip('file systems cannot be mounted here')
  await using stack = new AsyncDisposableStack()
  const etcd = stack.use(await startEtcd())
  const service = stack.use(await startService('pay'))
  const store = stack.use(openRegistry(etcd.url))
  await store.putNode('pay', 'n1', service)
  const start = async (options: string) =>
    stack.use(await startGateway({ etcd: etcd.url, runner: mounted(options), config: { accessLog: false } }))
  const [readOnly, tiny] = await Promise.all([start('ro'), start('size=64k')])
  const failures = ({ log }: RunningGateway) => log().filter(({ msg }) => msg === FAILED)
  // The file system can be seen from outside through the process.
  const dataDir = `/proc/${tiny.pid}/root${tiny.cwd}/.waygate`
  const nodesOnDisk = () => readFile(snapshotIn(dataDir, 'nodes'), 'utf8')
  for (const { url, untilNodes } of [readOnly, tiny]) {
    await untilNodes('pay', ['n1'])
    assert.equal(await (await fetch(`${url}/pay/x`)).text(), 'pay')
  }
  await until('what fits is written', async () => (await nodesOnDisk()).includes('/services/pay/n1'))
  assert.match(String((await readOnly.logged(FAILED)).reason), /EROFS/)
  assert.deepEqual(failures(tiny), [])

  const ids = Array.from({ length: 20 }, (_, i) => `n${i}`)
  for (const id of ids) {
    const metadata = { filler: 'y'.repeat(6_000) }
    await store.put(`/services/fat/${id}`, JSON.stringify({ ip: '127.0.0.1', port: service.port, metadata }))
  }
  assert.match(String((await tiny.logged(FAILED)).reason), /ENOSPC/)
  for (const { nodes } of [readOnly, tiny])
    await until('all changes are applied', async () => (await nodes('fat')).length === ids.length)
  assert.match(
    await nodesOnDisk(),
    /^\{"version":3,"sha256":"\w{64}"\}\n\{.*\}$/,
    'the last copy that fitted is whole',
  )
  await until('no temporary file stays', () => filesIn(dataDir).every(path => path.endsWith('.json')))

  await store.client.delete().prefix('/services/fat/')
  await store.putNode('pay', 'n2', service)
  await until('there is room again', async () => (await nodesOnDisk()).includes('/services/pay/n2'))
  for (const gateway of [readOnly, tiny]) {
    gateway.child.kill('SIGTERM')
    assert.deepEqual(await gateway.exited, { code: 0, signal: null })
    const paths = failures(gateway).map(({ path }) => path)
    assert.deepEqual(paths, [...new Set(paths)])
  }
})
