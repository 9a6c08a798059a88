import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DescriptorFiles } from '../../../cmd/gateway/descriptor-files.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import { tempFolder } from '../../config/temp-folder.ts'
import { until } from '../../support/until.ts'

test('of two sets that are written at once, the later one stays, however long the first one takes', async t => {
  const folder = tempFolder(t, {})
  const files = new DescriptorFiles(folder, ['http://etcd'], silentLogger)
  // It is written to the disk long after the other.
  files.write('task', Buffer.alloc(64 * 1024 * 1024, 'a'))
  files.write('task', Buffer.from('later'))
  const names = () => readdirSync(folder).flatMap(name => readdirSync(join(folder, name)))
  await until('both are written', () => {
    const [first, ...others] = names()
    return others.length === 0 && first === 'task.binpb' && files.read('task')?.toString() === 'later'
  })
  files.write('other', Buffer.from('x'))
  await until('the other is written', () => files.read('other') !== undefined)
  assert.equal(files.read('task')?.toString(), 'later')
  assert.deepEqual(names().sort(), ['other.binpb', 'task.binpb'])
})
