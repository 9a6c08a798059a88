import assert from 'node:assert/strict'
import { createEtcdClient } from '../../discovery/etcd/client.ts'
import { farewell, heartbeat } from '../../discovery/etcd/heartbeats.ts'
import { readWantedNode, type WantedNode } from '../../discovery/heartbeat.ts'
import { makeFaulty } from './faulty-client.ts'
import type { ScenarioOptions } from './registrar-model.ts'
import { until } from './until.ts'

const GATEWAYS = 3

/**
 * Lets several gateways hear the heartbeats of one node while their calls to etcd fail or come late. After each round, the last
 * heartbeat must have won, and in the end nothing may be left.
 *
 * @throws Error with what had happened when that is not so
 */
export async function runHeartbeats(options: ScenarioOptions): Promise<void> {
  const { url, operator, id, random, rounds } = options
  const KEY = `/services/user/${id}`
  const key = Buffer.from(KEY)
  const log: string[] = []
  const note = (what: string) => void log.push(`${Math.round(performance.now())} ${what}`)
  const gateways = Array.from({ length: GATEWAYS }, () => {
    const client = createEtcdClient({ endpoints: [url] })
    return { client, faults: makeFaulty(client, random) }
  })
  const clean = createEtcdClient({ endpoints: [url] })
  const pick = () => gateways[Math.floor(random() * GATEWAYS)]!
  const setFaults = (isOn: boolean) => {
    for (const { faults } of gateways) faults.isOn = isOn
  }
  const read = async () => (await operator.kv.range({ key })).kvs[0]
  const leases = async () => {
    const all = (await operator.leaseClient.leaseLeases()).leases.map(({ ID }) => ID)
    const granted = new Set(gateways.flatMap(({ faults }) => [...faults.leases]))
    return all.filter(lease => granted.has(lease))
  }
  let weight = 0
  let ttlSeconds = 6
  let hasLeft = false
  const wanted = (): WantedNode =>
    readWantedNode('user', id, { address: '10.0.0.7:3000', weight, ttlSeconds })
  const beat = async (body: WantedNode | undefined, isFaulty = true) => {
    const { outcome } = await heartbeat(isFaulty ? pick().client : clean, KEY, body)
    note(
      `heartbeat ${body ? body.node.weight : 'without a body'} ${isFaulty ? '' : 'without faults'}: ${outcome}`,
    )
    return outcome
  }
  try {
    for (let round = 0; round < rounds; round++) {
      setFaults(true)
      for (let step = 0; step < 6; step++) {
        const kind = random()
        if (kind < 0.4) weight++
        if (kind > 0.9) ttlSeconds = ttlSeconds === 6 ? 8 : 6
        const body = kind > 0.5 && kind < 0.6 ? undefined : wanted()
        const beats = [beat(body), ...(random() < 0.3 ? [beat(body)] : [])]
        // A process waits for the answer before it says something else, and a client that gave up says it again.
        await Promise.all(beats)
        if (kind > 0.6 && kind < 0.65) {
          note('operator deletes')
          await operator.kv.deleteRange({ key })
        } else if (kind > 0.65 && kind < 0.7) {
          note('operator revokes')
          const found = await read()
          if (found && found.lease !== '0') await operator.leaseClient.leaseRevoke({ ID: found.lease })
        } else if (kind > 0.7 && kind < 0.75) {
          hasLeft = true
          note('farewell')
          await farewell(pick().client, KEY)
        }
      }
      setFaults(false)
      await until('a heartbeat is heard', async () =>
        ['renewed', 'updated', 'registered'].includes(await beat(wanted(), false)),
      )
      await until('late calls are over', () => gateways.every(({ faults }) => faults.pending === 0))
      const found = await read()
      note(`there is ${found?.value}`)
      // A farewell that comes late may have removed it.
      if (found || !hasLeft) assert.equal(JSON.parse(String(found?.value ?? null))?.weight, weight)
    }
    setFaults(true)
    const { outcome } = await farewell(pick().client, KEY)
    note(`farewell: ${outcome}`)
    setFaults(false)
    await until('late calls are over', () => gateways.every(({ faults }) => faults.pending === 0))
    await farewell(clean, KEY)
    await until('nothing is left', async () => !(await read()) && (await leases()).length === 0)
  } catch (error) {
    const lines = [
      ...log,
      ...gateways.flatMap(({ faults }, i) => faults.trace.map(line => `${line} (g${i})`)),
    ]
    lines.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    throw new Error(`${id}: ${(error as Error).message}\n${lines.slice(-80).join('\n')}`, { cause: error })
  } finally {
    for (const { client } of gateways) client.close()
    clean.close()
  }
}
