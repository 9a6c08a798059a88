import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DurableEtcd } from './durable-etcd.ts'
import { DurableModel } from './durable-model.ts'
import { startGatewayHere } from './gateway-here.ts'
import { seededRandom } from './random.ts'
import { startRegisteredNode } from './registered-node.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { startTraffic, type Traffic } from './steady-traffic.ts'
import { until } from './until.ts'

const NODES = ['n1', 'n2']
const PATIENCE_MS = 120_000

export interface KillsOptions {
  readonly kills: number
  readonly seed: number
  /** `small`: a disk of 1 MiB, on which others need all the space now and then. */
  readonly disk: 'ample' | 'small'
  /** Whether a gateway and a service use the etcd too, and requests go through them. */
  readonly withGateway: boolean
}

export interface KillsReport {
  readonly model: DurableModel
  /** Requests through the gateway, of which none failed. */
  readonly requests: number
  readonly startMs: readonly number[]
}

/** Whether this process may give itself a small disk. */
export function maySetUpDisks(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0
}

/**
 * Kills a durable embedded etcd again and again, at random moments while it is changed. Checks after each start that everything is
 * there that it has acknowledged, and at the end that those who follow it have missed nothing.
 */
export async function killDurableEtcd(options: KillsOptions): Promise<KillsReport> {
  const { kills, seed, disk, withGateway } = options
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'waygate-durable-'))
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  if (disk === 'small') {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
    stack.defer(() => void execFileSync('umount', [folder]))
  }
  const random = seededRandom(seed)
  const dataFolder = join(folder, 'etcd')
  // So small that both happen all the time.
  const bounds = { growthBytes: 64 << 10, historyEvents: 2_000 }
  const etcd = stack.use(await DurableEtcd.start({ dataFolder, ...bounds }))
  const model = new DurableModel(random)
  const gateway = withGateway ? stack.use(await startGatewayHere({ etcd: etcd.url })) : undefined
  const traffic = gateway && stack.use(await startService(gateway, stack))
  const startMs: number[] = []
  const filler = join(folder, 'filler')
  for (let life = 0; life < kills; life++) {
    await model.check(etcd.url)
    const isFull = disk === 'small' && life % 3 > 0
    const changing = model.change(etcd.url, 8)
    if (isFull) {
      await model.untilAnswers(random() * 20)
      await fill(filler)
    }
    await model.untilAnswers(random() * 40)
    await delay(random() * 10)
    await etcd.kill()
    await changing
    // A start must not need space.
    const begunAt = performance.now()
    await etcd.start()
    startMs.push(performance.now() - begunAt)
    if (isFull) await model.check(etcd.url)
    await rm(filler, { force: true })
  }
  await model.finish(etcd.url)
  if (gateway) {
    await until('the gateway follows', async () => {
      const { connected, stale } = (await gateway.routes()).source
      return connected && !stale
    })
    await gateway.untilNodes('pay', NODES, PATIENCE_MS)
  }
  return { model, startMs, requests: (await traffic?.finish()) ?? 0 }
}

/** Starts two nodes that register themselves, and requests to them. */
async function startService(gateway: ServingGateway, stack: AsyncDisposableStack): Promise<Traffic> {
  for (const id of NODES) {
    const registered = { service: 'pay', id, etcd: gateway.etcd, ttlSeconds: 60 }
    stack.use(await startRegisteredNode(registered))
  }
  await gateway.untilNodes('pay', NODES, PATIENCE_MS)
  return startTraffic({ ports: [gateway.port], paths: ['/pay/'], perSecond: 20 })
}

/** Takes all space that there is. */
async function fill(path: string): Promise<void> {
  await writeFile(path, Buffer.alloc(2 << 20)).catch(error => {
    if (error.code !== 'ENOSPC') throw error
  })
}
