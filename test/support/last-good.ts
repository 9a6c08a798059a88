import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startEtcd } from './etcd.ts'
import { openRegistry } from './registry.ts'
import { startService } from './service.ts'
import { until } from './until.ts'
import { type RunningGateway, startGateway } from './waygate.ts'

const GOOD = { path: '/api/adm/*', service: 'adm', stripPrefix: '/api/adm', methods: ['GET'] }
/** A typo in the name of a field. */
const BROKEN = { path: '/api/adm/*', service: 'adm', stripPrefix: '/api/adm', method: ['GET'] }
const KEY = '/waygate/routes/adm'

/** How long a worker may take to start, as long as `startGateway` waits for a gateway. */
export const STARTING = { withinMs: 60_000 }

export interface LastGoodReport {
  /** Requests that were sent while the document was broken, of which each had the answer of the good one. */
  readonly requests: number
}

/**
 * Breaks a route document, and the value of a node, and then takes away the processes that knew the good ones: a worker, all
 * workers by a reload, and the gateway. Checks after each step that requests get what the good values give them, whatever
 * worker has them, and that the problem stays visible with its age.
 *
 * @param rounds how often a worker is killed
 */
export async function keepLastGood({ rounds }: { readonly rounds: number }): Promise<LastGoodReport> {
  await using stack = new AsyncDisposableStack()
  const etcd = stack.use(await startEtcd())
  const node = stack.use(await startService('adm'))
  const store = stack.use(openRegistry(etcd.url))
  const config = { accessLog: false }
  let requests = 0
  const holds = async (gateway: RunningGateway, what: string) => {
    for (let i = 0; i < 8; i++) {
      const got = [
        await statusOf(gateway.port, 'GET', '/api/adm/x'),
        await statusOf(gateway.port, 'POST', '/api/adm/x'),
        await statusOf(gateway.port, 'GET', '/adm/x'),
      ]
      assert.deepEqual(got, [200, 405, 404], what)
      requests += got.length
    }
  }
  const isMarked = async ({ routes, admin }: RunningGateway) => {
    const page = await routes()
    const problem = page.problems.find(({ key }) => key === KEY)
    assert.match(problem?.reason ?? '', /method/)
    assert.match(problem?.lastGood?.revision ?? '', /^\d+$/)
    assert.deepEqual(page.routes.find(({ id }) => id === 'adm')?.lastGood, problem?.lastGood)
    assert.ok((await metric(admin, 'waygate_table_last_good')) >= 1)
    assert.ok((await metric(admin, 'waygate_table_last_good_age_seconds')) > 0)
    return Date.parse(problem!.lastGood!.since)
  }
  const breakIt = async ({ routes }: RunningGateway) => {
    await store.putRoute('adm', BROKEN)
    await until('the document is refused', async () =>
      (await routes()).problems.some(({ key }) => key === KEY),
    )
  }
  const mend = async ({ routes }: RunningGateway) => {
    await store.putRoute('adm', GOOD)
    await until('the document is good', async () => !(await routes()).problems.some(({ key }) => key === KEY))
  }

  await store.putNode('adm', 'n1', node)
  await store.putRoute('adm', GOOD)
  let folder: string
  {
    const args = ['--workers', '2']
    await using gateway = await startGateway({
      etcd: etcd.url,
      config,
      args,
      cwd: stack.use(await newFolder()).path,
    })
    folder = gateway.cwd
    await gateway.untilNodes('adm', ['n1'])
    await holds(gateway, 'the good document')
    await breakIt(gateway)
    await holds(gateway, 'broken')
    const since = await isMarked(gateway)
    for (let i = 0; i < rounds; i++) {
      const before = await workersOf(gateway)
      process.kill(before[i % before.length]!, 'SIGKILL')
      await until(
        'the worker is replaced',
        async () => {
          const now = await workersOf(gateway)
          return now.length === before.length && !now.includes(before[i % before.length]!)
        },
        STARTING,
      )
      await holds(gateway, 'broken, and a worker crashed')
    }
    assert.ok(Math.abs((await isMarked(gateway)) - since) < 1_000, 'its age does not begin again')
    const before = await workersOf(gateway)
    gateway.child.kill('SIGHUP')
    await gateway.logged('new configuration is active')
    await until(
      'the workers are new',
      async () => {
        const now = await workersOf(gateway)
        return now.length === before.length && now.every(pid => !before.includes(pid))
      },
      STARTING,
    )
    await holds(gateway, 'broken, and reloaded')
    assert.ok(Math.abs((await isMarked(gateway)) - since) < 1_000, 'its age does not begin again')
    await mend(gateway)
    await holds(gateway, 'mended')
    await breakIt(gateway)
    // The copy on disk is written half a second after the change, or at the end.
    gateway.child.kill('SIGTERM')
    await gateway.exited
  }
  const start = () => startGateway({ etcd: etcd.url, config, cwd: folder })
  {
    await using gateway = await start()
    await holds(gateway, 'broken, and restarted')
    await isMarked(gateway)
    await mend(gateway)
    await until('the good one is on disk', () => delay(600).then(() => true))
    gateway.child.kill('SIGKILL')
    await gateway.exited
  }
  await store.putRoute('adm', BROKEN)
  await store.put('/services/adm/n1', '{"ip":"127.0.0.1","port":"x"}')
  {
    await using gateway = await start()
    await holds(gateway, 'document and node broken while the gateway was away')
    await isMarked(gateway)
    // A deleted document is gone, for this gateway and for the next one.
    await store.client.delete().key(KEY)
    await until('the route is gone', async () => (await statusOf(gateway.port, 'GET', '/api/adm/x')) === 404)
    await store.putRoute('adm', BROKEN)
    await until('it is closed', async () => (await statusOf(gateway.port, 'GET', '/api/adm/x')) === 503)
    gateway.child.kill('SIGTERM')
    await gateway.exited
  }
  await using gateway = await start()
  assert.equal(await statusOf(gateway.port, 'GET', '/api/adm/x'), 503, 'what was deleted does not come back')
  return { requests }
}

async function newFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'waygate-last-good-'))
  await writeFile(join(path, 'waygate.yaml'), '{}')
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) }
}

async function workersOf({ routes }: RunningGateway): Promise<readonly number[]> {
  return ((await routes()).workers ?? []).map(({ pid }) => pid)
}

async function metric(admin: string, name: string): Promise<number> {
  const text = await (await fetch(`${admin}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

/** Sends a request on a new connection, which may go to another worker than the one before. */
export function statusOf(port: number, method: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, method, path, agent: false }, answer => {
      answer.resume()
      answer.on('end', () => resolve(answer.statusCode!))
    })
      .on('error', reject)
      .end()
  })
}
