import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { firstOfItsId, type Malformed, malformedValues } from './malformed-values.ts'
import { openRegistry, type RegistryWriter } from './registry.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { startStoreScene } from './store-scene.ts'
import { tableOfGateway } from './store-table.ts'
import { leftOut } from './stray-keys.ts'
import { until } from './until.ts'

/** Larger than the largest value; etcd accepts 1.5 MiB by default. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024

export interface MalformedOptions {
  /** How often all values are written and deleted. */
  readonly rounds: number
  /** Size of the largest values. */
  readonly largestBytes: number
}

export interface MalformedReport {
  readonly values: number
  readonly requests: number
}

/**
 * Writes every kind of malformed value. Checks that the gateway keeps running, serves all valid keys, lists each
 * malformed value once with a readable reason, and forgets it when it is deleted.
 */
export async function writeMalformed({ rounds, largestBytes }: MalformedOptions): Promise<MalformedReport> {
  const malformed = malformedValues(largestBytes)
  await using scene = await startStoreScene({
    proxied: false,
    etcd: { args: ['--max-request-bytes', String(MAX_REQUEST_BYTES)] },
  })
  const { gateway, etcd } = scene
  using store = openRegistry(etcd.url)
  await write(store, [firstOfItsId])
  const before = await until('the good one is there', async () => {
    const table = await tableOfGateway(gateway)
    return table.some(line => line.includes('shared-id')) && table
  })
  const keys = malformed.map(({ key }) => shownKey(key))
  const wanted = [...keys].sort()
  for (let round = 1; round <= rounds; round++) {
    await write(store, malformed)
    const named = async () => (await gateway.routes()).problems
    await until('every one is a problem', async () => (await named()).length >= keys.length).catch(
      async () => {
        const found = new Set((await named()).map(({ key }) => key))
        assert.fail(`not a problem: ${JSON.stringify(keys.filter(key => !found.has(key)))}`)
      },
    )
    const problems = await named()
    assert.deepEqual(problems.map(({ key }) => key).sort(), wanted, 'each is named once')
    for (const { key, reason } of problems) {
      const shown = JSON.stringify(reason)
      assert.ok(reason.length >= 5 && reason.length <= 1_000, `${shortKey(key)}: ${shown}`)
      // Characters that JSON escapes are control codes, which must not reach a terminal.
      assert.ok(!/\\[bfnrtu]/.test(shown.replaceAll('\\\\', '')), `one line for ${shortKey(key)}: ${shown}`)
    }
    assert.deepEqual(
      await tableOfGateway(gateway),
      before,
      'every good neighbour is served, and nothing else',
    )
    const closed = await fetch(`${gateway.url}/good/x`)
    assert.equal(closed.status, 503, 'a document that never was good opens no door')
    const ignored = 'registry value ignored'
    const logged = () => {
      const log = gateway.log()
      return log.filter(({ msg }) => msg === ignored).length + leftOut(log, ignored)
    }
    // Those beyond the first are counted after 10 s.
    await until('each is logged or counted', () => logged() >= keys.length * round, { withinMs: 60_000 })
    assert.equal(logged(), keys.length * round, 'once')

    await remove(store, malformed)
    await until('no problem is left', async () => (await gateway.routes()).problems.length === 0)
    assert.deepEqual(await tableOfGateway(gateway), before)
  }
  await scene.change()
  await untilChanged(gateway, before)
  return { values: malformed.length, requests: await scene.traffic.finish() }
}

function shortKey(key: string): string {
  return JSON.stringify(key).slice(0, 100)
}

async function untilChanged(gateway: ServingGateway, before: readonly string[]): Promise<void> {
  await until('it still follows', async () => {
    const table = await tableOfGateway(gateway)
    return table.some(line => line.startsWith('node trio/d')) && table.join() !== before.join()
  })
}

async function write(store: RegistryWriter, all: readonly Malformed[]): Promise<void> {
  for (const { key, value } of all) {
    await store.client.kv.put({ key: Buffer.from(key as string), value: Buffer.from(value as string) })
  }
}

async function remove(store: RegistryWriter, all: readonly Malformed[]): Promise<void> {
  for (const { key } of all) await store.client.kv.deleteRange({ key: Buffer.from(key as string) })
}

/** Returns how a key is shown: keys that are not UTF-8 are shown as bytes. */
function shownKey(key: string | Buffer): string {
  const bytes = Buffer.from(key as string)
  return isUtf8(bytes) ? bytes.toString() : `\\x${bytes.toString('hex')}`
}
