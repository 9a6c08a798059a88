import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEtcd, type TestEtcd } from './etcd.ts'
import { askJson } from './json-gateway.ts'
import { registerNaming } from './naming.ts'
import { openRegistry } from './registry.ts'
import { startService } from './service.ts'
import { startTraffic } from './steady-traffic.ts'
import { startTaskNode } from './task-node.ts'
import { until } from './until.ts'
import { startGateway } from './waygate.ts'

/** A snapshot, by what it is of. */
export type SnapshotName = 'nodes' | 'routes' | 'descriptors'

/**
 * Returns the path of a snapshot in a data directory that has those of one cluster.
 *
 * @throws Error when it is not there
 */
export function snapshotIn(dataDir: string, name: SnapshotName): string {
  const [path] = globSync(join(dataDir, `etcd-*/${name}-*.json`))
  if (path === undefined) throw new Error(`no snapshot of ${name} in ${dataDir}`)
  return path
}

/** Returns the paths of all files in a data directory. */
export function filesIn(dataDir: string): readonly string[] {
  return globSync(join(dataDir, '*/*'))
}

/** A kind of damage that turns a valid snapshot into an invalid one. */
export interface Damage {
  readonly name: string
  readonly file: SnapshotName
  do(path: string): Promise<void>
  /** What the log must say about it. */
  readonly said: RegExp
}

function rewrite(change: (text: string) => string | Buffer): Damage['do'] {
  return async path => writeFile(path, change(await readFile(path, 'utf8')))
}

/** Replaces the snapshot with something else. */
function replaceWith(make: (path: string) => Promise<unknown>): Damage['do'] {
  return async path => {
    await rm(path)
    await make(path)
  }
}

const flip: Damage['do'] = rewrite(text => {
  const bytes = Buffer.from(text)
  // Still JSON, but with another port.
  const at = bytes.indexOf('"port\\":') + '"port\\":'.length
  bytes[at]! ^= 1
  return bytes
})

export const damages: readonly Damage[] = [
  {
    name: 'truncated',
    file: 'nodes',
    do: rewrite(text => text.slice(0, -20)),
    said: /checksum does not match/,
  },
  { name: 'with a byte flipped', file: 'nodes', do: flip, said: /checksum does not match/ },
  {
    name: 'of another version',
    file: 'nodes',
    do: rewrite(text => text.replace(/"version":\d+/, '"version":999')),
    said: /version is 999/,
  },
  {
    name: 'of another prefix',
    file: 'nodes',
    do: path => cp(snapshotIn(join(path, '../..'), 'routes'), path),
    said: /holds the prefix \/waygate\/routes\//,
  },
  { name: 'empty', file: 'nodes', do: rewrite(() => ''), said: /it is empty/ },
  { name: 'a folder', file: 'nodes', do: replaceWith(path => mkdir(path)), said: /EISDIR/ },
  // Not by permissions, which do not apply to every user.
  {
    name: 'unreadable',
    file: 'nodes',
    do: replaceWith(path => symlink(path, path)),
    said: /ELOOP/,
  },
  {
    name: 'of the routes, truncated',
    file: 'routes',
    do: rewrite(text => text.slice(0, -20)),
    said: /checksum does not match/,
  },
]

const DESCRIPTORS = join(import.meta.dirname, '../fixtures/grpc/task.binpb')

/**
 * A killed etcd and the snapshots of a killed gateway, with two services, a route document, and two gRPC services that no
 * longer say what they are: `stored` had its descriptors in etcd, and `asked` had server reflection.
 */
export interface KilledGateway extends AsyncDisposable {
  readonly etcd: TestEtcd
  /** Creates a new working folder with these snapshots. */
  folder(): Promise<string>
}

/** Waits until a gateway has written its snapshots, kills it, and then kills etcd. */
export async function killGatewayAndEtcd(): Promise<KilledGateway> {
  await using building = new AsyncDisposableStack()
  const root = await mkdtemp(join(tmpdir(), 'waygate-disk-'))
  building.defer(() => rm(root, { recursive: true, force: true, maxRetries: 5 }))
  const etcd = building.use(await startEtcd())
  const solo = building.use(await startService('solo'))
  const guarded = building.use(await startService('guarded'))
  const stored = building.use(await startTaskNode({ reflection: false }))
  const reflecting = await startTaskNode()
  const first = join(root, 'first')
  await mkdir(first)
  {
    await using gateway = await startGateway({ etcd: etcd.url, cwd: first, config: { accessLog: false } })
    using store = openRegistry(etcd.url)
    await store.putNode('solo', 'one', solo)
    await store.putNode('guarded', 'one', guarded)
    await registerNaming(store, 'stored', stored.port)
    await store.put('/waygate/descriptors/stored', readFileSync(DESCRIPTORS, 'base64'))
    await registerNaming(store, 'asked', reflecting.port)
    await store.putRoute('guarded', { path: '/other/*', service: 'guarded', stripPrefix: '/other' })
    await gateway.untilNodes('solo', ['one'])
    await gateway.untilNodes('guarded', ['one'])
    await until('the copy on disk has it all', async () => {
      const dataDir = join(first, '.waygate')
      const [nodes, routes, descriptors] = await Promise.all(
        (['nodes', 'routes', 'descriptors'] as const).map(name =>
          readFile(snapshotIn(dataDir, name), 'utf8'),
        ),
      )
      const services = ['solo', 'guarded', 'stored', 'asked']
      return (
        services.every(name => nodes!.includes(`/${name}/`)) &&
        routes!.includes('/other/') &&
        descriptors!.includes('/stored') &&
        globSync(join(dataDir, 'descriptors-*/asked.binpb')).length === 1
      )
    })
    gateway.child.kill('SIGKILL')
    await gateway.exited
  }
  await etcd.kill('SIGKILL')
  await reflecting[Symbol.asyncDispose]()
  building.use(await startTaskNode({ reflection: false, port: reflecting.port }))
  let copies = 0
  const everything = building.move()
  return {
    etcd,
    async folder() {
      const folder = join(root, `copy-${copies++}`)
      await cp(first, folder, { recursive: true })
      return folder
    },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

/** Times from the start of the process. */
export interface ServedFromDisk {
  readonly listeningMs: number
  /** Time until it answered a request. */
  readonly servedMs: number
}

/** Starts a gateway with valid snapshots while etcd is down. Checks that it serves and shows itself as stale. */
export async function serveFromDisk({ etcd, folder }: KilledGateway): Promise<ServedFromDisk> {
  const cwd = await folder()
  const startedAt = performance.now()
  await using gateway = await startGateway({ etcd: etcd.url, cwd, ready: false })
  const listeningMs = performance.now() - startedAt
  await until('it serves', async () => (await (await fetch(`${gateway.url}/other/`)).text()) === 'guarded', {
    everyMs: 5,
  })
  const servedMs = performance.now() - startedAt
  for (const [service, source] of [
    ['stored', 'etcd'],
    ['asked', 'disk'],
  ] as const) {
    const { status, json } = await askJson(gateway.port, 'POST', `/${service}/GetTask`, { id: '7' })
    assert.deepEqual([status, json.title], [200, 'read'], service)
    const { services } = await gateway.routes()
    assert.equal(services.find(({ name }) => name === service)?.descriptors?.source, source)
  }
  await using traffic = startTraffic({ ports: [gateway.port], paths: ['/solo/', '/other/'] })
  assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 200)
  const { source } = await gateway.routes()
  assert.deepEqual([source.connected, source.stale], [false, true])
  await gateway.logged('etcd does not answer; serving the snapshot on disk')
  await traffic.finish()
  return { listeningMs, servedMs }
}

/** A gateway that waits for etcd, because its snapshot is damaged. */
export interface WaitingGateway extends AsyncDisposable {
  /** Checks, after etcd is back, that the gateway serves the table of etcd. */
  untilServes(): Promise<void>
}

/** Starts a gateway with a damaged snapshot while etcd is down. Checks that it warns and waits. */
export async function waitOnDamage({ etcd, folder }: KilledGateway, damage: Damage): Promise<WaitingGateway> {
  const cwd = await folder()
  const path = snapshotIn(join(cwd, '.waygate'), damage.file)
  await damage.do(path)
  await using building = new AsyncDisposableStack()
  const gateway = building.use(
    await startGateway({ etcd: etcd.url, cwd, ready: false, config: { accessLog: false } }),
  )
  const warning = await gateway.logged('ignoring the snapshot on disk')
  assert.equal(warning.level, 40)
  assert.match(String(warning.reason), damage.said, damage.name)
  assert.ok(path.endsWith(String(warning.path)), String(warning.path))
  assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 503, damage.name)
  assert.equal((await fetch(`${gateway.admin}/healthz`)).status, 200)
  // It must serve neither without nodes, nor without documents, which could restrict access to these services.
  for (const path of ['/solo/', '/guarded/']) {
    assert.equal((await fetch(`${gateway.url}${path}`)).status, 503, `${damage.name}: ${path}`)
  }
  const everything = building.move()
  return {
    async untilServes() {
      await until('it is ready', async () => (await fetch(`${gateway.admin}/readyz`)).ok)
      assert.equal(await (await fetch(`${gateway.url}/other/`)).text(), 'guarded', damage.name)
      assert.equal(await (await fetch(`${gateway.url}/solo/`)).text(), 'solo', damage.name)
      await until('it is live', async () => !(await gateway.routes()).source.stale)
    },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}
