import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Etcd3 } from 'etcd3'
import { createEtcdClient } from '../../discovery/etcd/client.ts'
import { Registrar } from '../../discovery/etcd/registrar.ts'
import { type NotingNodes, startNotingNodes } from './noting-nodes.ts'
import { startClients } from './paced-clients.ts'
import { openRegistry } from './registry.ts'
import { until } from './until.ts'
import { type RunningGateway, SOURCE_PROGRAM, startGateway } from './waygate.ts'

export interface FlappingOptions {
  /** URL of an etcd outside the gateway's process. */
  readonly etcd: string
  /** Number of nodes that are registered and unregistered, each with its own id. */
  readonly flaps: number
  /** Requests per second during that time. */
  readonly perSecond: number
  /** Whether all objects that a gateway holds are counted, not only its peers; takes a minute of CPU time. */
  readonly isThorough: boolean
}

export interface FlappingReport {
  readonly requests: number
  /** How many of the requests went to flapping nodes. */
  readonly seenByFlapping: number
  /** The latest arrival of a request at a node, measured from the acknowledgement of the node's delete. */
  readonly latestMs: number
  readonly before: Holdings
  readonly after: Holdings
}

/** The objects that a gateway's process holds after garbage collection. */
export interface Holdings {
  readonly peers: number
  /** This and the next three are only counted by a thorough check. */
  readonly pools?: number
  readonly breakers?: number
  /** Connections to nodes. */
  readonly connections?: number
  /** Event emitters: sockets, and remains of breakers that were not closed. */
  readonly emitters?: number
  readonly timers: number
  readonly descriptors: number
  readonly heapBytes: number
}

const SERVICE = 'flap'
/** Number of nodes that stay registered. */
const STAYING = 3
const FLAPPERS = 16
const PORTS = 400
/** How long a port stays unused after its node has gone, so that overdue requests to the node are noticed. */
const REST_MS = 1_500
/** Flaps before the first check, so that everything that the first use allocates exists. */
const WARM_UP_FLAPS = 100
/**
 * How much the heap varies between two collections: compiled code, caches, buffers of streams. A leaked node with its
 * pool and breaker takes 27 KB, so 100 of them would show.
 */
const HEAP_MARGIN_BYTES = 2_500_000
/** Allowance for the connections of the checks themselves to the admin listener. */
const EMITTERS_MARGIN = 40

/** The time in which a port was a node: from before its put until after its delete was acknowledged. */
interface Stay {
  readonly fromMs: number
  goneMs: number
}

/**
 * Registers and unregisters nodes, many at a time, while clients use their service. Checks that no request fails, that
 * removed nodes get no requests, and that the gateway then holds no more objects than before.
 */
export async function flapUnderLoad(options: FlappingOptions): Promise<FlappingReport> {
  const { etcd, flaps, perSecond, isThorough } = options
  await using stack = new AsyncDisposableStack()
  const nodes = stack.use(await startNotingNodes(STAYING + PORTS))
  const gateway = stack.use(
    await startGateway({
      // Its classes are those that inspected.ts imports.
      file: SOURCE_PROGRAM,
      etcd,
      env: { NODE_OPTIONS: `--import=${INSPECTED}`, INSPECT: isThorough ? 'all' : 'peers' },
      // A machine that is busy for seconds looks like an outage, and nodes removed right after one become suspects.
      // Idle connections are closed soon, because the check below waits for them.
      config: { discovery: { suspectGraceMs: 0 }, upstream: { keepAliveMs: 500 } },
    }),
  )
  const registry = stack.use(openRegistry(etcd))
  const client = createEtcdClient({ endpoints: [etcd] })
  stack.defer(() => client.close())
  const staying = nodes.ports.slice(0, STAYING)
  for (const port of staying) await registry.putNode(SERVICE, `stays-${port}`, { port })
  const stays = new Map<number, Stay[]>()
  const flapping = new Flapping(client, nodes.ports.slice(STAYING), stays)
  const untilAlone = () =>
    gateway.untilNodes(
      SERVICE,
      staying.map(port => `stays-${port}`),
      60_000,
    )
  await untilAlone()

  async function run(count: number): Promise<number> {
    await using clients = startClients({ ports: [gateway.port], path: `/${SERVICE}/`, perSecond })
    await clients.more(100)
    await flapping.run(count)
    await untilAlone()
    await clients.more(100)
    const { failures, gets, posts } = await clients.finish()
    assert.deepEqual([...failures], [], 'every request was answered 200')
    return gets + posts
  }

  await run(WARM_UP_FLAPS)
  await nodes.seen()
  const before = await untilSettled(gateway)
  const requests = await run(flaps)
  const seen = await nodes.seen()
  const after = await untilSettled(gateway, before)
  assert.ok(
    after.heapBytes - before.heapBytes < HEAP_MARGIN_BYTES,
    `${after.heapBytes - before.heapBytes} bytes more are held`,
  )

  const late = seen.flatMap(([port, atMs]) => {
    const stay = stays.get(port)?.findLast(({ fromMs }) => fromMs <= atMs)
    return staying.includes(port) ? [] : [stay ? atMs - stay.goneMs : Number.POSITIVE_INFINITY]
  })
  assert.equal(seen.length, requests, 'every request was seen by a node, once')
  assert.ok(late.length > 0, 'flapping nodes had their share')
  await assertQuiet(gateway, nodes, staying)
  return { requests, seenByFlapping: late.length, latestMs: Math.max(...late), before, after }
}

/** Checks that removed nodes get no requests. */
async function assertQuiet(
  gateway: RunningGateway,
  nodes: NotingNodes,
  staying: readonly number[],
): Promise<void> {
  await using clients = startClients({ ports: [gateway.port], path: `/${SERVICE}/`, perSecond: 500 })
  await clients.more(100)
  await clients.finish()
  assert.deepEqual(new Set((await nodes.seen()).map(([port]) => port)), new Set(staying))
}

class Flapping {
  readonly #client: Etcd3
  /** The first one has been unused for the longest time. */
  readonly #free: number[]
  readonly #stays: Map<number, Stay[]>
  #next = 0

  constructor(client: Etcd3, ports: readonly number[], stays: Map<number, Stay[]>) {
    this.#client = client
    this.#free = [...ports]
    this.#stays = stays
  }

  async run(flaps: number): Promise<void> {
    const end = this.#next + flaps
    await Promise.all(
      Array.from({ length: FLAPPERS }, async () => {
        while (this.#next < end) await this.#flap(`f${this.#next++}`)
      }),
    )
  }

  async #flap(id: string): Promise<void> {
    const port = this.#free.shift()!
    const stays = this.#stays.get(port) ?? []
    this.#stays.set(port, stays)
    await delay(Math.max(0, (stays.at(-1)?.goneMs ?? Number.NEGATIVE_INFINITY) + REST_MS - nowMs()))
    const stay: Stay = { fromMs: nowMs(), goneMs: Number.POSITIVE_INFINITY }
    stays.push(stay)
    const registrar = new Registrar({
      client: this.#client,
      key: `/services/${SERVICE}/${id}`,
      node: { service: SERVICE, id, host: '127.0.0.1', port },
    })
    await registrar.start()
    await delay(Math.random() * 50)
    await registrar.unregister()
    stay.goneMs = nowMs()
    this.#free.push(port)
  }
}

/** Reads a clock that all processes of a machine share. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

const INSPECTED = join(import.meta.dirname, 'inspected.ts')

/** Waits until the gateway has released everything it does not need, down to `before` if given. */
function untilSettled(gateway: RunningGateway, before?: Holdings): Promise<Holdings> {
  return until(
    'the gateway holds no more than it needs',
    async () => {
      // Series of nodes that are gone are kept until a scrape has seen them.
      await (await fetch(`${gateway.admin}/metrics`, { headers: { connection: 'close' } })).text()
      const holdings = await lookAt(gateway)
      const { peers, pools = STAYING, breakers = STAYING, connections = 0, timers, descriptors } = holdings
      const { emitters = 0 } = holdings
      const wanted = { peers: STAYING, pools: STAYING, breakers: STAYING, connections: 0 }
      assert.deepEqual({ peers, pools, breakers, connections }, wanted)
      const { emitters: emittersBefore = 0 } = before ?? {}
      if (before)
        assert.ok(emitters <= emittersBefore + EMITTERS_MARGIN, `${emitters}, not ${emittersBefore}`)
      if (before) assert.ok(timers <= before.timers, `${timers} timers, not ${before.timers}`)
      if (before)
        assert.ok(descriptors <= before.descriptors, `${descriptors} open, not ${before.descriptors}`)
      return holdings
    },
    // Each check costs the gateway a second of CPU time.
    { withinMs: 30_000, everyMs: 1_500 },
  )
}

async function lookAt(gateway: RunningGateway): Promise<Holdings> {
  const looks = () => gateway.log().filter(({ msg }) => msg === 'holds')
  const { length } = looks()
  gateway.child.kill('SIGUSR2')
  return until('it has said what it holds', () => looks()[length] as unknown as Holdings | undefined)
}

/** Formats the report as lines. */
export function describeFlapping({
  requests,
  seenByFlapping,
  latestMs,
  before,
  after,
}: FlappingReport): string[] {
  const held = ({ heapBytes, ...counts }: Holdings) =>
    Object.entries({ ...counts, MB: (heapBytes / 1e6).toFixed(1) })
      .filter(([name]) => name !== 'level' && name !== 'msg')
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')
  return [
    `${requests} requests, 0 failed; ${seenByFlapping} at flapping nodes, the last ${latestMs.toFixed(1)} ms after a delete`,
    `before: ${held(before)}`,
    `after: ${held(after)}`,
  ]
}
