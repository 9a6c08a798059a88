import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { tempFolder } from '../config/temp-folder.ts'
import { storeAt } from '../discovery/store.ts'
import { mayMount, runnerWithFiles } from '../support/own-files.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'

async function startNode(t: TestContext, host: string, port: number, text: string): Promise<number> {
  const server = createServer((_, response) => response.end(text))
  server.listen(port, host)
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

test('when the name of a node moves to another address, requests follow, although its connection is never idle', async t => {
  if (!mayMount(t)) return
  const hosts = join(tempFolder(t), 'hosts')
  const resolveTo = (address: string) => writeFileSync(hosts, `127.0.0.1 localhost\n${address} node.test\n`)
  resolveTo('127.0.0.2')
  const port = await startNode(t, '127.0.0.2', 0, 'old')
  await startNode(t, '127.0.0.3', port, 'new')
  await using gateway = await startGateway({
    config: { upstream: { dns: { minTtlMs: 200 }, keepAliveMs: 60_000 } },
    runner: runnerWithFiles({ '/etc/hosts': hosts }),
  })
  const store = storeAt(gateway.etcd)
  t.after(() => store.close())
  await store.put('/services/user/u1', JSON.stringify({ host: 'node.test', port }))
  await gateway.untilNodes('user', ['u1'])
  const ask = async () => (await fetch(`${gateway.url}/user/`)).text()
  for (let i = 0; i < 10; i++) assert.equal(await ask(), 'old')
  resolveTo('127.0.0.3')
  await until('the requests have followed', async () => (await ask()) === 'new')
  for (let i = 0; i < 10; i++) assert.equal(await ask(), 'new')
})
