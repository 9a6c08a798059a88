import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempFolder } from '../config/temp-folder.ts'
import { freePort } from '../support/free-port.ts'
import { startProgram } from '../support/waygate.ts'

test('several gateways in one directory keep the data of their etcd apart, and one at any free port keeps none', async t => {
  const cwd = tempFolder(t)
  const [one, other] = [await freePort(), await freePort()]
  const start = (port: number) => {
    const listeners = ['--host', '127.0.0.1', '--port', '0', '--admin-port', '0']
    return startProgram({ args: ['start', ...listeners, '--embedded-etcd', `127.0.0.1:${port}`], cwd })
  }
  await using first = await start(one)
  await using second = await start(other)
  await using third = await start(0)
  for (const program of [first, second]) await program.logged('embedded etcd is listening; its data is kept')
  await third.logged('embedded etcd is listening; its data is lost when this process ends')
  await Promise.all([first, second, third].map(each => each.logged('waygate is listening')))
  const folders = readdirSync(join(cwd, '.waygate')).filter(name => name.startsWith('embedded-etcd'))
  assert.deepEqual(folders.sort(), [`embedded-etcd-${one}`, `embedded-etcd-${other}`].sort())
})
