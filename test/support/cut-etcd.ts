import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { compactEtcd } from './etcd-json.ts'
import { seededRandom } from './random.ts'
import { openRegistry } from './registry.ts'
import { type StoreScene, startStoreScene } from './store-scene.ts'
import { untilTrue } from './store-table.ts'
import type { CutKind } from './tcp-proxy.ts'
import { until } from './until.ts'
import { watchOrder } from './watched-order.ts'

export interface CutReport {
  readonly requests: number
  /** For each gateway, the time from the repair of the connection until its table matched etcd. */
  readonly convergedMs: readonly number[]
  readonly note: string
}

/** Cuts gateways off from etcd, changes keys, compacts, and checks that the gateways catch up. */
export async function cutAndCompact(options: { gateways?: number; how: CutKind }): Promise<CutReport> {
  await using scene = await startStoreScene({ gateways: options.gateways ?? 1 })
  const { etcd, proxy } = scene
  proxy.cut(options.how)
  await scene.untilStale()
  await scene.change()
  await compactEtcd(etcd.url)
  const convergedMs = await mend(scene)
  for (const page of await Promise.all(scene.gateways.map(each => each.routes()))) {
    const { relists } = page.source as unknown as { relists: Record<string, number> }
    assert.equal(relists.compacted, 2, 'nodes and routes are read anew')
  }
  return { ...(await finish(scene)), convergedMs, note: `compacted, ${options.how}` }
}

/** Cuts gateways off from etcd, writes a backlog, and drops connections repeatedly while the backlog arrives. */
export async function cutInBacklog(options: {
  gateways?: number
  puts: number
  drops: number
}): Promise<CutReport> {
  const { puts, drops } = options
  await using scene = await startStoreScene({ gateways: options.gateways ?? 1 })
  const { etcd, proxy } = scene
  await using order = watchOrder(proxy.url)
  await until('the registry here follows', () => order.numbers.has('/services/trio/a'))
  proxy.cut('rst')
  await scene.untilStale()
  const random = seededRandom(1)
  await putMany(etcd.url, puts, random)
  const before = order.changes
  proxy.mend()
  const mendedAt = performance.now()
  for (let i = 0; i < drops; i++) {
    // Far less than each follower still has to receive, so the cut is in the middle of the backlog.
    await proxy.dropAfter(20_000 + random() * 100_000, random() < 0.5 ? 'rst' : 'fin')
  }
  const convergedMs = (await untilTrue(scene.gateways, etcd.url)).map(at => at - mendedAt)
  await untilAllSeen(scene, order)
  const note = `${puts} puts in ${order.changes - before} changes, ${drops} drops, ${order.relists} relists`
  return { ...(await finish(scene)), convergedMs, note }
}

/** Cuts connections at random, with every kind of cut, while keys are written. */
export async function cutAtRandom(options: {
  gateways?: number
  puts: number
  cuts: number
  seed: number
}): Promise<CutReport> {
  const { puts, cuts, seed } = options
  const random = seededRandom(seed)
  await using scene = await startStoreScene({ gateways: options.gateways ?? 1 })
  const { etcd, proxy } = scene
  await using order = watchOrder(proxy.url)
  await until('the registry here follows', () => order.numbers.has('/services/trio/a'))
  const putting = putMany(etcd.url, puts, random)
  let isPutting = true
  void putting.finally(() => {
    isPutting = false
  })
  let under = 0
  for (let i = 0; i < cuts; i++) {
    if (isPutting) under++
    const how = random() < 0.5 ? 'rst' : 'fin'
    if (random() < 0.5) proxy.drop(how)
    else {
      proxy.cut(how)
      await delay(random() * 100)
      proxy.mend()
    }
    await delay(random() * 200)
  }
  await putting
  const mendedAt = performance.now()
  const convergedMs = (await untilTrue(scene.gateways, etcd.url)).map(at => at - mendedAt)
  await untilAllSeen(scene, order)
  const note = `seed ${seed}: ${cuts} cuts, ${under} of them during ${puts} puts in ${order.changes} changes, ${order.relists} relists`
  return { ...(await finish(scene)), convergedMs, note }
}

/** Makes the connections go dead silently: bytes are swallowed, and nothing is closed. */
export async function goDead(options: {
  gateways?: number
  deadMs: number
}): Promise<CutReport & { readonly noticedMs: readonly number[] }> {
  await using scene = await startStoreScene({ gateways: options.gateways ?? 1 })
  const { proxy } = scene
  const deadAt = performance.now()
  proxy.hold()
  const noticedMs = (await scene.untilStale()).map(at => at - deadAt)
  await scene.change()
  await delay(Math.max(0, options.deadMs - (performance.now() - deadAt)))
  const convergedMs = await mend(scene)
  return { ...(await finish(scene)), convergedMs, noticedMs, note: `dead for ${options.deadMs} ms` }
}

/** Checks that a slow connection is not taken for an outage: changes arrive with the delay, without a relist. */
export async function slowDown(options: { gateways?: number; delayMs: number }): Promise<CutReport> {
  await using scene = await startStoreScene({ gateways: options.gateways ?? 1 })
  const { etcd, proxy } = scene
  const accepted = proxy.accepted
  proxy.delay(options.delayMs)
  const changedAt: number[] = []
  const convergedMs: number[] = []
  for (let i = 0; i < 3; i++) {
    await scene.change()
    changedAt.push(performance.now())
    convergedMs.push(...(await untilTrue(scene.gateways, etcd.url)).map(at => at - changedAt.at(-1)!))
  }
  assert.equal(proxy.accepted, accepted, 'no connection was given up')
  return { ...(await finish(scene)), convergedMs, note: `${options.delayMs} ms each way` }
}

async function mend(scene: StoreScene): Promise<readonly number[]> {
  scene.proxy.mend()
  const mendedAt = performance.now()
  const convergedAt = await untilTrue(scene.gateways, scene.etcd.url)
  return convergedAt.map(at => at - mendedAt)
}

async function finish(scene: StoreScene): Promise<{ readonly requests: number }> {
  await scene.untilLive()
  assert.equal(await scene.drift(), 0)
  return { requests: await scene.traffic.finish() }
}

/** Waits until the registry in this process has seen the newest number of every key, without a violation. */
async function untilAllSeen(scene: StoreScene, order: ReturnType<typeof watchOrder>): Promise<void> {
  const written = await numbersIn(scene.etcd.url)
  await until('the newest value of every key was seen', () => {
    order.check()
    return [...written].every(([key, n]) => order.numbers.get(key) === n)
  })
  order.check()
}

async function numbersIn(url: string): Promise<ReadonlyMap<string, number>> {
  using store = openRegistry(url)
  const all = await store.client.getAll().prefix('/services/').strings()
  return new Map(Object.entries(all).map(([key, value]) => [key, Number(JSON.parse(value).metadata?.n ?? 0)]))
}

/** Writes nodes of a service without traffic over and over, each put of a key with the next number. */
async function putMany(url: string, puts: number, random: () => number): Promise<void> {
  using store = openRegistry(url)
  const numbers = new Map<string, number>()
  const lanes = Array.from({ length: 50 }, (_, lane) =>
    (async () => {
      for (let i = lane; i < puts; i += 50) {
        // Each lane has its own keys, so that the numbers of a key are written in order.
        const id = `n${lane}-${Math.floor(random() * 10)}`
        const n = (numbers.get(id) ?? 0) + 1
        numbers.set(id, n)
        const value = { id, ip: '127.0.0.1', port: 1 + lane, weight: n, metadata: { n } }
        await store.put(`/services/crowd/${id}`, JSON.stringify(value))
      }
    })(),
  )
  await Promise.all(lanes)
}
