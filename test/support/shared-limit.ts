import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { type Answer, sendOne } from './load.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { openRegistry } from './registry.ts'
import { startService } from './service.ts'
import { SHARED_MACHINE } from './serving-gateway.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'
import { until } from './until.ts'
import { type RunningGateway, startGateway } from './waygate.ts'

const GATEWAYS = 2
const WORKERS = 2
const DAY_SECONDS = 86_400
/** Of the rule that is divided among processes while the store is away. */
const DIVIDED_LIMIT = 40
/** To each gateway. */
const CONNECTIONS = 16

/** Two gateways with two workers each, one store between them, and a route for each thing that can happen without it. */
interface Scene extends AsyncDisposable {
  readonly redis: TestRedis
  /** Stands between the gateways and the store. */
  readonly proxy: TcpProxy
  readonly gateways: readonly RunningGateway[]
  /** Sends requests to both gateways over kept connections, and resolves with the answers in any order. */
  send(path: string, count: number): Promise<readonly Answer[]>
  /** Resolves when every process says that the store is up, or that it is not. */
  untilStore(isUp: boolean, withinMs?: number): Promise<void>
}

async function startScene(timeoutMs: number, limit: number): Promise<Scene> {
  await using stack = new AsyncDisposableStack()
  const redis = stack.use(await startRedis())
  const proxy = stack.use(await startTcpProxy(redis.port))
  const node = stack.use(await startService('echo'))
  const store = { url: `redis://127.0.0.1:${proxy.port}`, timeoutMs, retryMs: 1_000 }
  const config = {
    ...SHARED_MACHINE,
    accessLog: false,
    rateLimits: { store, expectedGateways: GATEWAYS },
  }
  const gateways: RunningGateway[] = []
  for (let i = 0; i < GATEWAYS; i++) {
    const etcd = gateways[0]?.etcd
    const args = ['--workers', String(WORKERS)]
    gateways.push(stack.use(await startGateway({ config, args, ...(etcd !== undefined && { etcd }) })))
  }
  using registry = openRegistry(gateways[0]!.etcd)
  await registry.putNode('echo', 'n1', node)
  const putRoute = (name: string, rule: object) =>
    registry.putRoute(name, {
      path: `/${name}`,
      service: 'echo',
      rateLimit: { windowSeconds: DAY_SECONDS, key: 'route', store: 'shared', ...rule },
    })
  await putRoute('counted', { limit, onStoreDown: 'refuse' })
  await putRoute('open', { limit: 1_000_000, onStoreDown: 'allow' })
  await putRoute('strict', { limit: 1_000_000, onStoreDown: 'refuse' })
  await putRoute('divided', { limit: DIVIDED_LIMIT })
  for (const gateway of gateways) await gateway.untilNodes('echo', ['n1'])

  const agents = gateways.map(() => new Agent({ keepAlive: true }))
  stack.defer(() => {
    for (const agent of agents) agent.destroy()
  })
  const send = async (path: string, count: number) => {
    const answers: Answer[] = []
    let sent = 0
    const client = async (index: number) => {
      const which = index % GATEWAYS
      while (sent < count)
        answers.push(await sendOne({ port: gateways[which]!.port, path }, agents[which]!, sent++))
    }
    await Promise.all(Array.from({ length: GATEWAYS * CONNECTIONS }, (_, index) => client(index)))
    return answers
  }
  await until('every worker has the routes', async () =>
    (await send('/open', 40)).every(({ status }) => status === 200),
  )
  const untilStore = async (isUp: boolean, withinMs = 30_000) => {
    const line = `waygate_limit_store_up ${isUp ? 1 : 0}`
    await until(
      line,
      async () => {
        const pages = await Promise.all(
          gateways.map(async ({ admin }) => (await fetch(`${admin}/metrics`)).text()),
        )
        return pages.every(page => page.split('\n').includes(line))
      },
      { withinMs, everyMs: 50 },
    )
  }
  await untilStore(true)
  const resources = stack.move()
  return { redis, proxy, gateways, send, untilStore, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

function countOf(answers: readonly Answer[], status: number): number {
  return answers.filter(answer => answer.status === status).length
}

/**
 * Sends twice as many requests as a rule admits in a day to two gateways with two workers each. Returns how many were
 * admitted, and how many more the rule had become due for meanwhile.
 */
export async function countTogether(
  limit: number,
): Promise<{ readonly admitted: number; readonly due: number }> {
  // No request is decided without the store, however busy the machine.
  await using scene = await startScene(10_000, limit)
  const began = performance.now()
  const answers = await scene.send('/counted', 2 * limit)
  const seconds = (performance.now() - began) / 1_000
  assert.equal(countOf(answers, 200) + countOf(answers, 429), 2 * limit, 'no other answer')
  return { admitted: countOf(answers, 200), due: Math.ceil((seconds * limit) / DAY_SECONDS) }
}

export interface FaultReport {
  readonly fault: string
  /** Answers of the route that admits requests without the store, while it was away: the slowest, milliseconds. */
  readonly slowestMs: number
  /** From the return of the store until every process uses it. */
  readonly recoveredMs: number
  /** Log lines of both gateways with their workers about the store, from the fault to the recovery. */
  readonly lines: number
}

/** What can happen to a store, and how it returns. */
const FAULTS: Readonly<
  Record<string, readonly [begin: (scene: Scene) => unknown, end: (scene: Scene) => unknown]>
> = {
  killed: [({ redis }) => redis.kill('SIGKILL'), ({ redis }) => redis.restart()],
  stopped: [({ redis }) => redis.kill('SIGSTOP'), ({ redis }) => redis.kill('SIGCONT')],
  slow: [({ proxy }) => proxy.delay(100), ({ proxy }) => proxy.delay(0)],
  full: [
    ({ redis }) => redis.cli('config', 'set', 'maxmemory', '1'),
    ({ redis }) => redis.cli('config', 'set', 'maxmemory', '0'),
  ],
  'wrong password': [
    async ({ redis }) => {
      await redis.cli('config', 'set', 'requirepass', 'other')
      await redis.cli('-a', 'other', 'client', 'kill', 'type', 'normal')
    },
    ({ redis }) => redis.cli('-a', 'other', 'config', 'set', 'requirepass', ''),
  ],
}

/**
 * Lets everything happen to the store that can. Checks that requests go on as their rules say, that rules are divided among
 * the processes, and that the store is used again.
 *
 * @param requests how many are sent while the store is away, each time
 */
export async function disturbStore(timeoutMs: number, requests: number): Promise<readonly FaultReport[]> {
  await using scene = await startScene(timeoutMs, 1_000)
  const { send, untilStore, gateways } = scene
  const linesOf = () =>
    gateways.flatMap(gateway => gateway.log()).filter(({ msg }) => msg.startsWith('limit store')).length
  const processes = GATEWAYS * WORKERS
  const reports: FaultReport[] = []
  let divided = 0
  for (const [fault, [begin, end]] of Object.entries(FAULTS)) {
    const before = linesOf()
    await begin(scene)
    // The first requests find out, and go on all the same.
    const first = await send('/open', requests)
    assert.equal(countOf(first, 200), requests, `${fault}: every request is answered`)
    await untilStore(false)
    const open = await send('/open', requests)
    assert.equal(countOf(open, 200), requests, `${fault}: every request is admitted`)
    const strict = await send('/strict', requests)
    assert.equal(countOf(strict, 503), requests, `${fault}: no request is admitted`)
    divided += countOf(await send('/divided', requests), 200)
    assert.ok(divided <= DIVIDED_LIMIT, `${fault}: ${divided} were admitted by ${processes} processes`)
    assert.ok(divided >= DIVIDED_LIMIT / processes, `${fault}: ${divided} were admitted`)

    await end(scene)
    const returned = performance.now()
    await untilStore(true)
    const recoveredMs = performance.now() - returned
    // Few at a time, since a busy machine may take longer than the deadline.
    await until(`${fault}: the store is asked again`, async () => countOf(await send('/strict', 8), 200) > 0)
    reports.push({
      fault,
      slowestMs: Math.max(...open.map(({ ms }) => ms)),
      recoveredMs,
      lines: linesOf() - before,
    })
  }
  const bad = gateways.flatMap(gateway => gateway.log()).filter(({ level }) => level >= 50)
  assert.deepEqual(bad, [], 'no error is logged')
  return reports
}

/** Formats the reports as lines. */
export function describeFaults(reports: readonly FaultReport[]): string {
  return reports
    .map(
      ({ fault, slowestMs, recoveredMs, lines }) =>
        `${fault}: slowest answer ${Math.round(slowestMs)} ms, used again after ${Math.round(recoveredMs)} ms, ${lines} lines`,
    )
    .join('\n')
}
