import type { TestContext } from 'node:test'
import { PrefixSync, type SyncTimings } from '../../../discovery/etcd/prefix-sync.ts'
import { FakeClock, settle } from './fake-clock.ts'
import { ScriptedStore } from './scripted-store.ts'

interface Options {
  readonly keys?: readonly string[]
  readonly timings?: Partial<SyncTimings>
  readonly random?: () => number
  readonly onChange?: () => void
}

/** A sync on a scripted store. `said` returns the calls of its listener since it was read last. */
export async function setUp(
  t: TestContext,
  { keys = ['a', 'b'], timings, random = () => 1, onChange }: Options = {},
) {
  const store = new ScriptedStore()
  for (const key of keys) store.put(key)
  const clock = new FakeClock()
  const log: string[] = []
  const sync = new PrefixSync({
    transport: store,
    clock,
    random,
    // Audits have their own tests.
    timings: { auditMs: [1e9, 1e9], firstAuditMs: [1e9, 1e9], ...timings },
    listener: {
      onSnapshot: state => log.push(`all@${state.revision}: ${[...state.table.keys()].join()}`),
      onChange: (puts, deletes, state) => {
        onChange?.()
        log.push(`@${state.revision} +${puts.map(item => item.key).join()} -${deletes.join()}`)
      },
      onConnected: (connected, reason) => log.push(connected ? 'on' : `off: ${reason}`),
    },
  })
  t.after(() => sync.stop())
  sync.start()
  await settle()
  return { store, clock, sync, said: () => log.splice(0) }
}

/** A sync on a scripted store whose watch has been created. */
export async function setUpFollowed(t: TestContext, options?: Options) {
  const all = await setUp(t, options)
  all.store.stream.created()
  all.said()
  return all
}
