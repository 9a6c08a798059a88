import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import { EtcdRegistry } from '../../discovery/etcd/etcd-registry.ts'
import { MemoryRegistry } from '../../discovery/memory-registry.ts'
import { registries } from '../../discovery/registries.ts'
import type { Registry } from '../../discovery/registry.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { type RegistryStore, registryContract } from './registry-contract.ts'
import { storeAt } from './store.ts'

registryContract('memory', async t => {
  const registry = new MemoryRegistry()
  t.after(() => registry.close())
  return {
    open: async () => registry,
    putRoute: async (id, document) => registry.putRoute(id, document),
    deleteRoute: async id => registry.deleteRoute(id),
  }
})

let real: ReturnType<typeof startEtcd> | undefined
registryContract('etcd on a real etcd', async t => {
  if (!requireEtcd(t)) return undefined
  real ??= startEtcd()
  return etcdStore((await real).url, t)
})
after(async () => (await real)?.stop())

const embedded = startEmbeddedEtcd({ port: 0 })
registryContract('etcd on the embedded etcd', async t => etcdStore((await embedded).url, t))
after(async () => (await embedded).close())

test('every registry of the list is made by its name and is one', async () => {
  for (const [name, create] of registries) {
    const registry: Registry = create({ endpoints: ['http://127.0.0.1:1'] })
    assert.equal(registry.name, name)
    await registry.init()
    await registry.close()
  }
})

let stores = 0
/** Each test has prefixes of its own in one etcd. */
function etcdStore(url: string, t: TestContext): RegistryStore {
  const root = `/contract-${process.pid}-${++stores}`
  const prefixes = { servicesPrefix: `${root}/services/`, routesPrefix: `${root}/routes/` }
  const store = storeAt(url)
  const opened: EtcdRegistry[] = []
  t.after(async () => {
    await Promise.all(opened.map(registry => registry.close()))
    store.close()
  })
  return {
    async open() {
      const registry = new EtcdRegistry({ endpoints: [url], ...prefixes })
      opened.push(registry)
      await registry.init()
      return registry
    },
    putRoute: (id, document) => store.put(`${prefixes.routesPrefix}${id}`, JSON.stringify(document)),
    deleteRoute: id => store.delete(`${prefixes.routesPrefix}${id}`),
  }
}
