import assert from 'node:assert/strict'
import { startEtcd } from './etcd.ts'
import { STARTING, statusOf } from './last-good.ts'
import { openRegistry } from './registry.ts'
import { startService } from './service.ts'
import { until } from './until.ts'
import { type RunningGateway, startGateway } from './waygate.ts'

/** The grace of a route that etcd has lost. */
const GRACE_MS = 1_000

export interface LostDocumentsReport {
  /** How often the automatic path of a service was asked after it had lost its document; each got 404. */
  readonly asked: number
}

/**
 * Deletes the only document of a service, wipes etcd, and starts the gateway again, with and without another worker. Checks
 * that a service without any document keeps its automatic route, and that one that had a document never gets one, until an
 * operator writes a document again.
 */
export async function loseDocuments(): Promise<LostDocumentsReport> {
  await using stack = new AsyncDisposableStack()
  const etcd = stack.use(await startEtcd())
  const node = stack.use(await startService('node'))
  const config = { accessLog: false, discovery: { suspectGraceMs: GRACE_MS } }
  let asked = 0
  const isShut = async (gateway: RunningGateway, what: string) => {
    for (let i = 0; i < 6; i++, asked++) {
      assert.equal(await statusOf(gateway.port, 'GET', '/guarded/x'), 404, what)
      assert.equal(await statusOf(gateway.port, 'GET', '/plain/x'), 200, what)
    }
    const { problems } = await gateway.routes()
    assert.match(problems.find(({ key }) => key === 'auto:guarded')?.reason ?? '', /write one, such as/, what)
  }
  const register = async (gateway: RunningGateway) => {
    using store = openRegistry(etcd.url)
    for (const service of ['guarded', 'plain']) {
      await store.putNode(service, 'n1', node)
      await gateway.untilNodes(service, ['n1'])
    }
  }
  const guard = async (gateway: RunningGateway) => {
    using store = openRegistry(etcd.url)
    await store.putRoute('guarded', { path: '/api/*', service: 'guarded', methods: ['GET'] })
    await until('the document rules', async () => (await statusOf(gateway.port, 'POST', '/api/x')) === 405)
  }
  const first = stack.use(await startGateway({ etcd: etcd.url, config }))
  {
    await register(first)
    assert.equal(await statusOf(first.port, 'GET', '/guarded/x'), 200, 'the contract: no document, no rules')
    await guard(first)
    const ended = await first.logged('automatic route ended: the service has a route document now')
    assert.deepEqual(ended.services, ['guarded'])
    using store = openRegistry(etcd.url)
    await store.client.delete().key('/waygate/routes/guarded')
    await until('it is deleted', async () => (await statusOf(first.port, 'GET', '/api/x')) === 404)
    await first.logged('no automatic route: the service had a route document and has none now')
    await isShut(first, 'deleted')
    const { problems } = await first.routes()
    const cure = /such as (\{.*\}), which/.exec(
      problems.find(({ key }) => key === 'auto:guarded')!.reason,
    )![1]!
    await store.putRoute('cure', JSON.parse(cure))
    await until('the cure works', async () => (await statusOf(first.port, 'GET', '/guarded/x')) === 200)
    await store.client.delete().key('/waygate/routes/cure')
    await guard(first)
  }
  await etcd.kill('SIGKILL')
  await etcd.restart({ wipe: true })
  await register(first)
  await until('the grace of the document has ended', async () => {
    asked++
    assert.equal(await statusOf(first.port, 'GET', '/guarded/x'), 404)
    return (await statusOf(first.port, 'GET', '/api/x')) === 404
  })
  await isShut(first, 'wiped')
  first.child.kill('SIGTERM')
  await first.exited
  await using second = await startGateway({ etcd: etcd.url, cwd: first.cwd, args: ['--workers', '2'] })
  await isShut(second, 'wiped, and started again')
  const [victim] = ((await second.routes()).workers ?? []).map(({ pid }) => pid)
  process.kill(victim!, 'SIGKILL')
  await until(
    'it is replaced',
    async () => {
      const pids = ((await second.routes()).workers ?? []).map(({ pid }) => pid)
      return pids.length === 2 && !pids.includes(victim!)
    },
    STARTING,
  )
  await isShut(second, 'a worker crashed')
  return { asked }
}
