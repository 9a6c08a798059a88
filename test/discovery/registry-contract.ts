import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  ReadOnlyRegistryError,
  type Registry,
  type RegistryEntry,
  type RegistryEvent,
} from '../../discovery/registry.ts'
import type { NodeInput } from '../../internal/nodes/node.ts'
import { Follower } from './follow.ts'

/** One store with registries on it. */
export interface RegistryStore {
  /**
   * Creates a registry on this store. It is usable at once, and closed with the store unless the test closes
   * it.
   */
  open(): Promise<Registry>
  /** Puts and deletes keys as an operator does, without a registry. */
  putNode(node: NodeInput): Promise<void>
  deleteNode(service: string, id: string): Promise<void>
  putRoute(id: string, document: unknown): Promise<void>
  deleteRoute(id: string): Promise<void>
  /** For registries in which services register: API keys and revocations, as an operator puts them. */
  readonly credentials?: {
    /** Creates a registry that also reports them. */
    open(): Promise<Registry>
    putApiKey(hash: string, document: unknown): Promise<void>
    deleteApiKey(hash: string): Promise<void>
    revoke(tokenId: string): Promise<void>
    unrevoke(tokenId: string): Promise<void>
  }
}

const U1 = { service: 'user', id: 'u1', host: '10.0.0.7', port: 3001, weight: 3, metadata: { zone: 'a' } }

/**
 * What every registry must do, and what each must do by who keeps it. `setUp` gives a store with nothing in
 * it, or undefined to skip the test.
 */
export function registryContract(
  name: string,
  keptBy: Registry['keptBy'],
  setUp: (t: TestContext) => Promise<RegistryStore | undefined>,
): void {
  const contract = (what: string, run: (store: RegistryStore, t: TestContext) => Promise<void>) =>
    test(`${name}: ${what}`, async t => {
      const store = await setUp(t)
      if (store) await run(store, t)
    })

  /** A case for registries in which services register. The others have the cases at the end instead. */
  const registering: typeof contract = async (what, run) => {
    if (keptBy === 'services') await contract(what, run)
  }

  contract(`it says that it is kept by its ${keptBy}`, async store => {
    assert.equal((await store.open()).keptBy, keptBy)
  })

  contract(
    'the first event of each scope that carries entries is a snapshot, then it is connected',
    async store => {
      const registry = await store.open()
      await store.putNode(U1)
      await store.putRoute('r1', { path: '/a', service: 'user' })
      const follower = new Follower(registry)
      await follower.until('both scopes are connected', () => follower.connected())
      for (const scope of ['nodes', 'routes'] as const) {
        const first = follower.events.find(event => event.scope === scope && event.type !== 'status')
        assert.equal(first?.type, 'snapshot')
        assert.equal(first?.type === 'snapshot' && first.from, 'store')
        assert.equal(first?.type === 'snapshot' && first.entries.length, 1)
      }
      await follower.stop()
    },
  )

  contract('a node that an operator puts, changes and deletes is told in that order', async store => {
    const registry = await store.open()
    const follower = new Follower(registry)
    await follower.until('connected', () => follower.connected())
    await store.putNode(U1)
    await follower.until('u1 is there', () => follower.nodes().includes('user/u1:3'))
    assert.deepEqual({ ...follower.directory.services().get('user')?.[0] }, U1)
    await store.putNode({ ...U1, weight: 0, metadata: { zone: 'b' } })
    await follower.until('its weight is 0', () => follower.nodes().includes('user/u1:0'))
    assert.deepEqual(follower.directory.services().get('user')?.[0]?.metadata, { zone: 'b' })
    await store.deleteNode('user', 'u1')
    await follower.until('it is gone', () => follower.nodes().length === 0)
    await follower.stop()
  })

  registering('a node that registers, changes and leaves is told in that order', async store => {
    const registry = await store.open()
    const follower = new Follower(registry)
    await follower.until('connected', () => follower.connected())
    const registration = await registry.register(U1)
    assert.deepEqual({ ...registration.node }, U1)
    await follower.until('u1 is there', () => follower.nodes().includes('user/u1:3'))
    assert.deepEqual(follower.directory.services().get('user'), [registration.node])
    await registration.update({ weight: 0, metadata: { zone: 'b' } })
    await follower.until('its weight is 0', () => follower.nodes().includes('user/u1:0'))
    assert.deepEqual(follower.directory.services().get('user')?.[0]?.metadata, { zone: 'b' })
    assert.equal(registration.node.weight, 0)
    await registration.unregister()
    await follower.until('it is gone', () => follower.nodes().length === 0)
    await registration.unregister()
    await follower.stop()
  })

  contract('routes come and go in a scope of their own', async store => {
    const registry = await store.open()
    const follower = new Follower(registry)
    await follower.until('connected', () => follower.connected())
    const document = { path: '/a', service: 'user', nested: { list: [1, 'x', null] } }
    await store.putRoute('r1', document)
    await follower.until('r1 is there', () => follower.directory.routes().length === 1)
    const event = follower.events.at(-1)!
    assert.equal(event.scope, 'routes')
    const [entry] = entriesOf(event)
    assert.deepEqual(entry?.kind === 'route' && [entry.id, entry.document], ['r1', document])
    assert.equal(follower.directory.services().size, 0)
    await store.deleteRoute('r1')
    await follower.until('r1 is gone', () => follower.directory.routes().length === 0)
    await follower.stop()
  })

  registering(
    'API keys and revocations come and go in scopes of their own, for who asks for them',
    async store => {
      const { open, putApiKey, deleteApiKey, revoke, unrevoke } = store.credentials!
      const hash = 'a'.repeat(64)
      const document = { owner: 'acme', nested: { list: [1, 'x', null] } }
      await putApiKey(hash, document)
      const follower = new Follower(await open())
      await follower.until('all four scopes are connected', () => follower.connected())
      assert.deepEqual(new Set(follower.events.map(({ scope }) => scope)).size, 4)
      const told = () =>
        follower.credentials.map(each => (each.kind === 'api-key' ? [each.hash, each.apiKey] : each.tokenId))
      await follower.until('the key is there', () => told().length === 1)
      assert.deepEqual(told(), [[hash, document]])
      await revoke('a/b c')
      await follower.until('the revocation is there', () => told().length === 2)
      assert.deepEqual(told()[1], 'a/b c')
      await putApiKey(hash, { owner: 'other' })
      await follower.until('the key is another', () => JSON.stringify(told()).includes('other'))
      await unrevoke('a/b c')
      await deleteApiKey(hash)
      await follower.until('both are gone', () => told().length === 0)
      await follower.stop()
    },
  )

  contract('nothing is told of API keys and revocations to who does not ask', async store => {
    const { sources } = await store.open()
    const scopes = new Set(sources.map(({ scope }) => scope))
    assert.deepEqual(scopes, new Set(['nodes', 'routes']))
  })

  contract('getService has the nodes of just that service, ordered by id', async store => {
    const registry = await store.open()
    assert.equal(await registry.getService('user'), undefined)
    await store.putNode({ ...U1, id: 'b' })
    await store.putNode({ ...U1, id: 'a' })
    await store.putNode({ ...U1, service: 'user2', id: 'c' })
    const service = await registry.getService('user')
    assert.equal(service?.name, 'user')
    assert.deepEqual(
      service?.nodes.map(node => node.id),
      ['a', 'b'],
    )
    assert.equal(await registry.getService('use'), undefined)
  })

  registering(
    'unregister removes a node whoever registered it, and resolves when there is none',
    async store => {
      const registry = await store.open()
      await registry.register(U1)
      await registry.unregister('user', 'u1')
      assert.equal(await registry.getService('user'), undefined)
      await registry.unregister('user', 'u1')
      await registry.unregister('never', 'known')
    },
  )

  registering('a node registered anew is not removed by the registration it replaced', async store => {
    const registry = await store.open()
    const first = await registry.register(U1)
    const second = await registry.register({ ...U1, weight: 9 })
    await first.unregister()
    assert.equal((await registry.getService('user'))?.nodes[0]?.weight, 9)
    await second.unregister()
    assert.equal(await registry.getService('user'), undefined)
  })

  contract('two watches see the same', async store => {
    const registry = await store.open()
    const [one, two] = [new Follower(registry), new Follower(registry)]
    await store.putNode(U1)
    for (const follower of [one, two]) {
      await follower.until('u1 is there', () => follower.nodes().includes('user/u1:3'))
    }
    await one.stop()
    await store.putNode({ ...U1, id: 'u2' })
    await two.until('u2 is there', () => two.nodes().includes('user/u2:3'))
    assert.deepEqual(one.nodes(), ['user/u1:3'], 'a stopped watch hears nothing more')
    await two.stop()
  })

  registering('what cannot be a node is refused', async store => {
    const registry = await store.open()
    for (const bad of [
      { port: 0 },
      { host: '169.254.169.254' },
      { weight: -1 },
      { service: '__proto__' },
      { id: 'a/b' },
    ]) {
      await assert.rejects(registry.register({ ...U1, ...bad }), TypeError)
    }
  })

  registering('a registration that is aborted before it begins is not made', async store => {
    const registry = await store.open()
    await assert.rejects(registry.register(U1, { signal: AbortSignal.abort() }), { name: 'AbortError' })
    assert.equal(await registry.getService('user'), undefined)
  })

  contract('close ends watches, and leaves what others have put', async store => {
    const registry = await store.open()
    const follower = new Follower(registry)
    await store.putNode(U1)
    await follower.until('u1 is there', () => follower.nodes().length === 1)
    await registry.close()
    await follower.ended
    const other = await store.open()
    assert.equal((await other.getService('user'))?.nodes.length, 1)
  })

  registering('close unregisters what it registered', async store => {
    const registry = await store.open()
    await registry.register(U1)
    await registry.close()
    const other = await store.open()
    assert.equal(await other.getService('user'), undefined)
  })

  contract('status tells how true the watch is', async store => {
    const registry = await store.open()
    const follower = new Follower(registry)
    await follower.until('connected', () => follower.connected())
    await store.putNode(U1)
    await follower.until('u1 is there', () => follower.nodes().length === 1)
    const status = registry.status(registry.sources.find(({ scope }) => scope === 'nodes')!.name)
    assert.equal(status.connected, true)
    assert.equal(status.revision, follower.source('nodes').revision)
    assert.ok(status.ageMs !== undefined && status.ageMs >= 0 && status.ageMs < 5_000, `age ${status.ageMs}`)
    assert.equal(status.drift, 0)
    await follower.stop()
  })

  contract('a watch whose signal is aborted already has no events', async store => {
    const registry = await store.open()
    for await (const event of registry.watch(AbortSignal.abort())) assert.fail(`got ${event.type}`)
  })

  if (keptBy === 'services') return
  contract('services cannot register or be unregistered, and nothing has changed', async store => {
    const registry = await store.open()
    await store.putNode(U1)
    for (const call of [registry.register({ ...U1, id: 'u2' }), registry.unregister('user', 'u1')]) {
      await assert.rejects(call, ReadOnlyRegistryError)
    }
    assert.deepEqual(
      (await registry.getService('user'))?.nodes.map(node => node.id),
      ['u1'],
    )
  })
}

function entriesOf(event: RegistryEvent): readonly RegistryEntry[] {
  if (event.type === 'status') return []
  return event.type === 'snapshot' ? [...event.entries] : event.puts
}
