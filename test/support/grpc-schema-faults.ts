import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestEtcd } from './etcd.ts'
import { startGatewayHere } from './gateway-here.ts'
import { askJson } from './json-gateway.ts'
import { registerNaming } from './naming.ts'
import { openRegistry } from './registry.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { isCutOff } from './store-scene.ts'
import { PROTOS, startTaskNode, type TaskNode } from './task-node.ts'
import { until } from './until.ts'

/*
 * What may happen to calls with JSON because the schema of a service is known by asking its nodes. The service is that of
 * `task.proto`, whose newer nodes know a field `note` of tasks.
 */

const SERVICE = 'task'
const PATH = '/task/CreateTask'
/** The nodes of a service are asked once in 10 s at most. */
const KNOWN_WITHIN_MS = 30_000

interface Tasks {
  readonly gateway: ServingGateway
  readonly etcd: TestEtcd
  /** Starts and registers a node. */
  add(version: 'old' | 'new'): Promise<TaskNode>
  remove(node: TaskNode): Promise<void>
  /** Ends the calls that are made all the time. Returns how many there were; all of them were answered with 200. */
  finish(): Promise<number>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts a gateway in front of nodes of the older version, which clients call with what both versions know. */
async function startTasks(etcd: TestEtcd, count: number): Promise<Tasks> {
  await using building = new AsyncDisposableStack()
  const protos = await mkdtemp(join(tmpdir(), 'waygate-protos-'))
  building.defer(() => rm(protos, { recursive: true, force: true }))
  const text = await readFile(join(PROTOS, 'task.proto'), 'utf8')
  await writeFile(
    join(protos, 'task.proto'),
    text.replace('string owner = 7;', 'string owner = 7;\n  string note = 8;'),
  )
  const gateway = building.use(await startGatewayHere({ etcd: etcd.url, config: { accessLog: false } }))
  const add = async (version: 'old' | 'new') => {
    const node = stack.use(await startTaskNode(version === 'new' ? { protos } : {}))
    using registry = openRegistry(etcd.url)
    await registerNaming(registry, SERVICE, node.port)
    return node
  }
  const stack = building.use(new AsyncDisposableStack())
  for (let i = 0; i < count; i++) await add('old')
  await until('calls are answered', async () => (await create(gateway, {})).status === 200)
  let isOver = false
  let calls = 0
  const failures: string[] = []
  const calling = (async () => {
    while (!isOver) {
      calls++
      const { status, text } = await create(gateway, {})
      if (status !== 200) failures.push(`${status} ${text}`)
      await delay(10)
    }
  })()
  const stop = async () => {
    isOver = true
    await calling
  }
  building.defer(stop)
  const everything = building.move()
  return {
    gateway,
    etcd,
    add,
    async remove(node) {
      using registry = openRegistry(etcd.url)
      await registry.deleteNode(SERVICE, `127.0.0.1:${node.port}`)
    },
    async finish() {
      await stop()
      assert.deepEqual(failures, [])
      return calls
    },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

function create({ port }: ServingGateway, more: object) {
  return askJson(port, 'POST', PATH, { task: { title: 'read', ...more } })
}

/** Resolves when the gateway takes the new field. Until then it refuses it, and never fails. */
async function untilNoteIsKnown(gateway: ServingGateway): Promise<void> {
  await until(
    'the new field is known',
    async () => {
      const { status, text } = await create(gateway, { note: 'soon' })
      assert.ok(status === 200 || status === 400, text)
      return status === 200
    },
    { withinMs: KNOWN_WITHIN_MS, everyMs: 100 },
  )
}

export interface SchemaReport {
  /** Calls with what both versions know; all of them were answered with 200. */
  readonly calls: number
  /** From the registration of the first new node until the new field was taken, milliseconds. */
  readonly knownMs: number
}

/**
 * Replaces half of four nodes by ones of the newer version. Checks that calls with the old fields go on, and that calls with
 * the new one are answered by nodes of both versions: the new ones know it, and the old ones leave it out.
 */
export async function upgradeHalf(etcd: TestEtcd): Promise<SchemaReport> {
  await using tasks = await startTasks(etcd, 2)
  const { gateway } = tasks
  const replaced = [await tasks.add('old'), await tasks.add('old')]
  const begun = performance.now()
  for (const node of replaced) {
    await tasks.add('new')
    await tasks.remove(node)
  }
  await untilNoteIsKnown(gateway)
  const knownMs = performance.now() - begun
  const notes = new Set<unknown>()
  for (let i = 0; i < 50; i++) {
    const { status, json } = await create(gateway, { note: 'new' })
    assert.equal(status, 200)
    notes.add(json.note)
  }
  assert.deepEqual(notes, new Set(['new', undefined]))
  return { calls: await tasks.finish(), knownMs }
}

/**
 * Takes etcd away, and brings it back with a node of the newer version. Checks that calls go on with the descriptors that
 * are known, that the table is shown as stale, and that those of the new node are taken then.
 *
 * @param awayMs how long etcd is away
 */
export async function takeEtcdAway(etcd: TestEtcd, awayMs: number): Promise<SchemaReport> {
  await using tasks = await startTasks(etcd, 2)
  const { gateway } = tasks
  await etcd.kill('SIGKILL')
  await until('the table is stale', () => isCutOff(gateway))
  await delay(awayMs)
  assert.equal((await create(gateway, {})).status, 200)
  assert.equal((await create(gateway, { note: 'too early' })).status, 400)
  await etcd.restart()
  await tasks.add('new')
  const begun = performance.now()
  await untilNoteIsKnown(gateway)
  const knownMs = performance.now() - begun
  const { connected, stale } = (await gateway.routes()).source
  assert.deepEqual([connected, stale], [true, false])
  return { calls: await tasks.finish(), knownMs }
}
