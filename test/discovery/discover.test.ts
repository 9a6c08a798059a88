import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { type DiscoverOptions, discover } from '../../discovery/discover.ts'
import type { DiscoveredService } from '../../discovery/discovered-service.ts'
import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import { tempFolder } from '../config/temp-folder.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { storeAt } from './store.ts'

async function open(t: TestContext, etcd: string, options: DiscoverOptions = {}): Promise<DiscoveredService> {
  const users = await discover('user', { etcd, ...options })
  t.after(() => users.close())
  return users
}

function operator(t: TestContext, url: string) {
  const store = storeAt(url)
  t.after(() => store.close())
  return {
    put: (id: string, port: number, weight = 1, service = 'user') =>
      store.put(`/services/${service}/${id}`, JSON.stringify({ id, ip: '127.0.0.1', port, weight })),
    delete: (id: string) => store.delete(`/services/user/${id}`),
    client: store.client,
  }
}

const shown = ({ nodes }: DiscoveredService) =>
  nodes.map(({ id, weight, suspect }) => `${id}:${weight}${suspect ? '?' : ''}`).join()

// Concurrently, because they mostly wait.
describe('discover', { concurrency: 4 }, () => {
  test('it follows puts, weights and deletes, watches only the keys of its service, and closes', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { put, delete: remove, client } = operator(t, etcd.url)
    await put('u1', 1)
    await put('x1', 2, 1, 'user2')
    const users = await open(t, etcd.url)
    assert.equal(shown(users), 'u1:1')
    assert.deepEqual([users.name, users.status.connected, users.status.stale], ['user', true, false])
    await put('u2', 3, 3)
    await until('u2 is there', () => shown(users) === 'u1:1,u2:3')
    const picked = Array.from({ length: 40 }, () => users.pick()?.id)
    assert.equal(picked.filter(id => id === 'u2').length, 30)
    await put('u2', 3, 0)
    await until('u2 is drained', () => shown(users) === 'u1:1,u2:0')
    const { revision } = users.status
    await put('x2', 4, 1, 'user2')
    await put('u', 5, 1, 'use')
    await remove('u1')
    await until('u1 is gone', () => shown(users) === 'u2:0')
    assert.equal(users.pick(), undefined)
    // Its own key is the third write after it. The two before were for other services.
    assert.equal(Number(users.status.revision), Number(revision) + 3)
    const { header } = await client.kv.range({ key: Buffer.from('a') })
    assert.equal(users.status.revision, header.revision)
    await users.close()
    await put('u3', 6)
    assert.equal(shown(users), 'u2:0')
  })

  test('a kill -9 of etcd does not empty the list, and missed changes arrive after its restart', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const { put } = operator(t, etcd.url)
    await put('u1', 1)
    const users = await open(t, etcd.url)
    await etcd.kill('SIGKILL')
    await until('the outage is noticed', () => users.status.stale)
    assert.equal(users.pick()?.id, 'u1')
    assert.ok(users.status.reason)
    await etcd.restart()
    await put('u2', 2)
    await until('u2 is there', () => shown(users) === 'u1:1,u2:1' && !users.status.stale)
  })

  test('after a wipe the nodes that still answer stay, the others go, and all are confirmed once registered again', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    await using alive = await startService('alive')
    await using dead = await startService('dead')
    const { put } = operator(t, etcd.url)
    await put('alive', alive.port)
    await put('dead', dead.port)
    const users = await open(t, etcd.url)
    const lists: string[] = []
    users.onChange(() => lists.push(shown(users)))
    await etcd.restart({ wipe: true })
    await until('both are doubted', () => lists.includes('alive:1?,dead:1?'))
    await dead.close()
    await until('the dead one is let go', () => shown(users) === 'alive:1?')
    await put('alive', alive.port)
    await until('it is sure', () => shown(users) === 'alive:1')
    assert.ok(!lists.includes(''), 'it was never empty')
  })

  test('with a folder for the copy it starts while etcd is unreachable, reports that, and catches up', async t => {
    if (!requireEtcd(t)) return
    await using etcd = await startEtcd()
    const dataDir = tempFolder(t)
    const { put } = operator(t, etcd.url)
    await put('u1', 1)
    // Two followers of one service keep their copies in the same place.
    const before = await Promise.all([open(t, etcd.url, { dataDir }), open(t, etcd.url, { dataDir })])
    await Promise.all(before.map(each => each.close()))
    await etcd.kill('SIGKILL')
    const users = await open(t, etcd.url, { dataDir })
    assert.equal(shown(users), 'u1:1')
    assert.deepEqual([users.status.connected, users.status.stale], [false, true])
    await etcd.restart()
    await put('u2', 2)
    await until('it has caught up', () => shown(users) === 'u1:1,u2:1' && !users.status.stale)
  })

  test('without a folder it waits for etcd, until the signal aborts', async () => {
    const giveUp = new AbortController()
    const waiting = discover('user', { etcd: 'http://127.0.0.1:1', signal: giveUp.signal })
    giveUp.abort(new Error('enough'))
    await assert.rejects(waiting, { message: 'enough' })
    await assert.rejects(discover('user', { signal: AbortSignal.abort() }), { name: 'AbortError' })
    await assert.rejects(discover('user', { etcd: 'http://127.0.0.1:1', signal: AbortSignal.timeout(300) }), {
      name: 'TimeoutError',
    })
  })

  test('invalid options are a TypeError', async () => {
    for (const [name, options] of [
      ['', {}],
      ['user/u1', {}],
      ['__proto__', {}],
      ['user', { etcd: 'http://user:secret@h' }],
      ['user', { etcd: [] }],
      ['user', { format: 'morse' }],
      ['user', { servicesPrefix: '/' }],
    ] satisfies [string, DiscoverOptions][]) {
      await assert.rejects(discover(name, options), TypeError, JSON.stringify([name, options]))
    }
  })

  test('prefix and format can be set, and missing options come from the environment', async t => {
    await using etcd = await startEmbeddedEtcd({ port: 0 })
    const store = storeAt(etcd.url)
    t.after(() => store.close())
    await store.put('/apps/user/u1', '127.0.0.1:3001')
    const program = `import { discover } from 'waygate'
      await using users = await discover('user', { format: 'plain-address' })
      console.log(users.nodes.map(node => node.id + ' ' + node.port).join())`
    const stdout = await runProgram(program, { WAYGATE_ETCD: etcd.url, WAYGATE_SERVICES_PREFIX: '/apps' })
    assert.equal(stdout, 'u1 3001\n')
  })

  test('a process that has closed its discovered services ends by itself', async () => {
    await using etcd = await startEmbeddedEtcd({ port: 0 })
    const program = `import { discover } from 'waygate'
      const etcd = process.env.WAYGATE_ETCD
      const many = await Promise.all(Array.from({ length: 20 }, (_, i) => discover('s' + i, { etcd })))
      await many.shift().close()
      const [still] = many
      console.log(still.status.connected)
      await Promise.all(many.map(each => each.close()))
      await discover('user', { etcd: 'http://127.0.0.1:1', signal: AbortSignal.timeout(100) }).catch(() => {})
      console.log('closed')
      process.on('exit', () => console.log(performance.now() - closedAt < 2000 ? 'at once' : 'late'))
      const closedAt = performance.now()`
    assert.equal(await runProgram(program, { WAYGATE_ETCD: etcd.url }), 'true\nclosed\nat once\n')
  })
})

/** Returns the output of a program that imports the package. It must end by itself. */
async function runProgram(source: string, env: Record<string, string>): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=waygate-source', '--input-type=module', '--eval', source],
    { cwd: join(import.meta.dirname, '../..'), env: { ...process.env, ...env }, timeout: 30_000 },
  )
  return stdout
}
