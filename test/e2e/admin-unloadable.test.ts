import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempFolder } from '../config/temp-folder.ts'
import { startGateway } from '../support/waygate.ts'

/** Runs in the gateway: as long as a file is there, what the admin listener loads when it is asked is not, as during an update. */
const UNLOADABLE = `
  import { existsSync } from 'node:fs'
  import { registerHooks } from 'node:module'
  registerHooks({
    load(url, context, next) {
      if (/(chunks|api)\\/router[.-]|prom-client/.test(url) && existsSync(process.env.UNLOADABLE)) throw new Error('no such file')
      return next(url, context)
    },
  })`

test('what the admin listener could not load is loaded when it is asked again, and a shutdown does without it', async t => {
  const file = join(tempFolder(t, { gone: '' }), 'gone')
  const gateway = await startGateway({
    env: {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(UNLOADABLE)}`,
      UNLOADABLE: file,
    },
  })
  t.after(() => gateway.stop())
  const paths = ['/api/v1/status', '/metrics']
  const statuses = () => Promise.all(paths.map(async path => (await fetch(`${gateway.admin}${path}`)).status))
  assert.deepEqual(await statuses(), [500, 500])
  rmSync(file)
  assert.deepEqual(await statuses(), [200, 200])
})

test('a gateway whose admin API could not be loaded ends as others do', async t => {
  const file = join(tempFolder(t, { gone: '' }), 'gone')
  const gateway = await startGateway({
    env: {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(UNLOADABLE)}`,
      UNLOADABLE: file,
    },
  })
  t.after(() => gateway.stop())
  assert.equal((await fetch(`${gateway.admin}/api/v1/status`)).status, 500)
  gateway.child.kill('SIGTERM')
  assert.deepEqual(await gateway.exited, { code: 0, signal: null })
})
