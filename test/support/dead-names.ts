import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { tempFolder } from '../config/temp-folder.ts'
import { storeAt } from '../discovery/store.ts'
import { startEtcd } from './etcd.ts'
import { runLoad } from './load.ts'
import { startNameServer } from './name-server.ts'
import { runnerWithFiles } from './own-files.ts'
import { startService } from './service.ts'
import { startGateway } from './waygate.ts'

export interface DeadNamesReport {
  /** GETs to the node whose name is answered, while the others are silent. */
  readonly gets: number
  /** The slowest of them, milliseconds. */
  readonly slowestMs: number
  /** GETs to the nodes with dead names. */
  readonly inVain: number
}

/**
 * Registers six nodes with names that the name server does not answer, and one whose name it does; etcd has a name as
 * well. Checks that, while requests go to all of them, every GET to the one is answered 200, and that the gateway follows
 * etcd when that comes back after a restart, which needs a look-up of its name.
 */
export async function askBesideDeadNames(t: TestContext, durationMs: number): Promise<DeadNamesReport> {
  await using stack = new AsyncDisposableStack()
  const files = tempFolder(t)
  const resolvConf = join(files, 'resolv.conf')
  // Each test process has a name server of its own, at the only port that a resolv.conf can mean.
  const host = `127.53.${(process.pid >> 8) & 0xff}.${process.pid & 0xff}`
  const server = await startNameServer(t, { host, port: 53 })
  writeFileSync(resolvConf, `nameserver ${host}\n`)
  server.set('live.test', { addresses: ['127.0.0.1'], ttl: 0 })
  server.set('etcd.test', { addresses: ['127.0.0.1'], ttl: 0 })
  const dead = Array.from({ length: 6 }, (_, i) => `dead${i}`)
  for (const name of dead) server.set(`${name}.test`, 'silent')

  const etcd = stack.use(await startEtcd())
  const store = storeAt(etcd.url)
  stack.defer(() => store.close())
  const node = stack.use(await startService('live'))
  const { port } = node
  for (const name of [...dead, 'live'])
    await store.put(`/services/${name}/1`, JSON.stringify({ host: `${name}.test`, port }))
  const gateway = stack.use(
    await startGateway({
      etcd: `http://etcd.test:${etcd.port}`,
      runner: runnerWithFiles({ '/etc/resolv.conf': resolvConf }),
    }),
  )
  await gateway.untilNodes('live', ['1'])

  let inVain = 0
  let isOver = false
  const asking = Promise.all(
    dead.map(async name => {
      while (!isOver) {
        const { status } = await fetch(`${gateway.url}/${name}/`)
        assert.ok(status >= 500, `${status}`)
        inVain++
      }
    }),
  )
  // An earlier failure of the test says more.
  asking.catch(() => {})
  let slowestMs = 0
  const load = runLoad({
    ...{ port: gateway.port, path: '/live/', perSecond: 50, durationMs },
    headers: { connection: 'close' },
    onAnswer: ({ ms }) => {
      slowestMs = Math.max(slowestMs, ms)
    },
  })
  await etcd.restart()
  await store.put('/services/later/1', JSON.stringify({ host: 'live.test', port }))
  await gateway.untilNodes('later', ['1'])
  const { sent, statuses, errors } = await load
  isOver = true
  await asking
  assert.deepEqual([...errors], [])
  assert.deepEqual([...statuses], [[200, sent]])
  await gateway.logged('name of a node could not be looked up')
  const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
  const [, failed] = /^waygate_name_lookups_total\{result="failed"\} (\d+)$/m.exec(metrics) ?? []
  assert.ok(Number(failed) > 0, `${failed} look-ups have failed`)
  return { gets: sent, slowestMs, inVain }
}

/** Formats the report as one line. */
export function describeDeadNames({ gets, slowestMs, inVain }: DeadNamesReport): string {
  return `${gets} GETs, 0 failed, the slowest took ${Math.round(slowestMs)} ms; ${inVain} GETs to dead names`
}
