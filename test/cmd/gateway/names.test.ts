import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNames } from '../../../cmd/gateway/names.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { startNameServer } from '../../support/name-server.ts'
import { until } from '../../support/until.ts'

test('a warning that had to wait is about a name that cannot be looked up by then', async t => {
  const server = await startNameServer(t)
  const document = { upstream: { dns: { servers: [server.address], minTtlMs: 100 } } }
  const { config } = loadConfig({ env: {}, cwd: tempFolder(t, { 'waygate.yaml': JSON.stringify(document) }) })
  const warned: unknown[] = []
  const warn = ({ host, failing }: { host?: unknown; failing?: unknown }) => void warned.push([host, failing])
  const names = createNames(config, { ...silentLogger, warn: (fields: object) => warn(fields) })
  for (const name of ['one.test', 'two.test', 'three.test']) await assert.rejects(names.addressesOf(name))
  assert.deepEqual(warned, [['one.test', 1]])
  server.set('two.test', { addresses: ['127.0.0.1'] })
  await until('the second is found', async () => (await names.addressesOf('two.test')).length > 0)
  await until('there is a warning again', () => warned.length > 1, { withinMs: 30_000 })
  assert.deepEqual(warned[1], ['three.test', 2])
})
