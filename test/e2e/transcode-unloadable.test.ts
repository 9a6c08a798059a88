import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempFolder } from '../config/temp-folder.ts'
import { requireEtcd } from '../support/etcd.ts'
import { askJson } from '../support/json-gateway.ts'
import { openRegistry } from '../support/registry.ts'
import { startTaskNode } from '../support/task-node.ts'
import { until } from '../support/until.ts'
import { startGateway } from '../support/waygate.ts'

/** Runs in the gateway: as long as a file is there, the code for JSON is not, as after an update that replaced the program. */
const UNLOADABLE = `
  import { existsSync } from 'node:fs'
  import { registerHooks } from 'node:module'
  registerHooks({
    load(url, context, next) {
      if (/(chunks|gateway)\\/grpc-json[.-]/.test(url) && existsSync(process.env.UNLOADABLE)) throw new Error('no such file')
      return next(url, context)
    },
  })`

test('the table is followed when the code for JSON cannot be loaded, and the next gRPC node tries again', async t => {
  if (!requireEtcd(t)) return
  const file = join(tempFolder(t, { gone: '' }), 'gone')
  const node = await startTaskNode()
  t.after(() => node[Symbol.asyncDispose]())
  const gateway = await startGateway({
    env: {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(UNLOADABLE)}`,
      UNLOADABLE: file,
    },
  })
  t.after(() => gateway.stop())
  using registry = openRegistry(gateway.etcd)
  const put = (service: string, port: number, protocol?: string) =>
    registry.put(`/services/${service}/n1`, JSON.stringify({ ip: '127.0.0.1', port, protocol }))
  await put('task', node.port, 'grpc')
  await gateway.logged('JSON in front of gRPC cannot be loaded')
  await put('web', 9)
  await gateway.untilNodes('web', ['n1'])

  rmSync(file)
  await put('other', 9, 'grpc')
  await until('the first service takes JSON', async () => {
    const { status } = await askJson(gateway.port, 'POST', '/task/GetTask', { id: 7 })
    return status === 200
  })
})
