import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createNameQuery } from '../../../wrappers/names/name-query.ts'
import { SystemNames } from '../../../wrappers/names/system-names.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { startNameServer } from '../../support/name-server.ts'

/** A query with a name server and files of its own. */
async function startScene(t: TestContext, { hosts = '', resolvConf = '' } = {}) {
  const folder = tempFolder(t)
  const paths = { hosts: join(folder, 'hosts'), resolvConf: join(folder, 'resolv.conf') }
  writeFileSync(paths.hosts, hosts)
  writeFileSync(paths.resolvConf, resolvConf)
  const server = await startNameServer(t)
  const query = createNameQuery({ servers: [server.address], system: new SystemNames(paths) })
  return { server, query }
}

test('the addresses of a record come with its time to live, and whole when they do not fit a packet', async t => {
  const { server, query } = await startScene(t)
  server.set('node.test', { addresses: ['127.0.0.2', '127.0.0.3'], ttl: 7 })
  assert.deepEqual(await query('node.test'), { addresses: ['127.0.0.2', '127.0.0.3'], ttlMs: 7_000 })
  server.set('large.test', { addresses: ['127.0.0.4'], truncated: true })
  assert.deepEqual((await query('large.test')).addresses, ['127.0.0.4'])
})

test('a name in the hosts file is not asked for', async t => {
  const { server, query } = await startScene(t, { hosts: '127.0.0.9 node.test\n' })
  assert.deepEqual(await query('node.test'), { addresses: ['127.0.0.9'], ttlMs: 0 })
  assert.deepEqual(server.asked, [])
})

test('addresses of both families are found, and those of one where there is no other', async t => {
  const { server, query } = await startScene(t)
  server.set('both.test', { addresses: ['127.0.0.2', 'fd00::2', 'fd00::3'] })
  assert.deepEqual((await query('both.test')).addresses, ['fd00::2', 'fd00::3', '127.0.0.2'])
  server.set('six.test', { addresses: ['fd00::2'] })
  assert.deepEqual((await query('six.test')).addresses, ['fd00::2'])
  server.set('none.test', { addresses: [] })
  await assert.rejects(query('none.test'), { code: 'ENODATA' })
})

test('an alias that has no address of one family is found with those of the other, however late they come', async t => {
  const { server, query } = await startScene(t)
  server.set('alias.test', { addresses: ['127.0.0.2'], isAlias: true, ttl: 7, ip4AfterMs: 350 })
  assert.deepEqual(await query('alias.test'), { addresses: ['127.0.0.2'], ttlMs: 7_000 })
  server.set('none.test', { addresses: [], isAlias: true })
  await assert.rejects(query('none.test'), { code: 'ENODATA' })
})

test('an answer is asked for anew each time, however long its record lives', async t => {
  const { server, query } = await startScene(t)
  server.set('node.test', { addresses: ['127.0.0.2'], ttl: 3_600 })
  assert.deepEqual(await query('node.test'), { addresses: ['127.0.0.2'], ttlMs: 3_600_000 })
  server.set('node.test', { addresses: ['127.0.0.3'], ttl: 1 })
  assert.deepEqual(await query('node.test'), { addresses: ['127.0.0.3'], ttlMs: 1_000 })
})

test('a name that name servers do not know is left to the system, unless the servers are configured', async t => {
  const { server, query } = await startScene(t)
  await assert.rejects(query('nowhere.test'), { code: 'ENOTFOUND' })
  assert.deepEqual(server.asked, ['nowhere.test'])
})

test('search domains complete a name, past those that do not know it and those whose server fails', async t => {
  const { server, query } = await startScene(t, {
    resolvConf: 'search a.test b.test c.test\noptions ndots:2\n',
  })
  server.set('user.b.test', 'SERVFAIL')
  server.set('user.c.test', { addresses: ['127.0.0.2'] })
  assert.deepEqual((await query('user')).addresses, ['127.0.0.2'])
  assert.deepEqual([...new Set(server.asked)], ['user.a.test', 'user.b.test', 'user.c.test'])
  server.set('user.c.test', 'unknown')
  await assert.rejects(query('user'), { code: 'ESERVFAIL' })
})

test('a silent name costs itself alone: others are found while ten of them are asked for', async t => {
  const { server, query } = await startScene(t)
  server.set('live.test', { addresses: ['127.0.0.2'] })
  const dead = Array.from({ length: 10 }, (_, i) => `dead${i}.test`)
  for (const name of dead) server.set(name, 'silent')
  let over = 0
  const waiting = dead.map(name => assert.rejects(query(name), { code: 'ETIMEOUT' }).finally(() => over++))
  assert.deepEqual((await query('live.test')).addresses, ['127.0.0.2'])
  assert.equal(over, 0)
  await Promise.all(waiting)
})
