import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Etcd3 } from 'etcd3'
import { FaultyProcess } from './faulty-process.ts'
import { until } from './until.ts'

/** Leases that could not be revoked have expired by then, and a busy machine needs longer. */
const SETTLE_MS = 25_000

interface Edit {
  readonly weight?: number
  readonly metadata?: Record<string, string>
}

/** One node in a store that many share. */
export interface ScenarioOptions {
  readonly url: string
  /** A client without faults. */
  readonly operator: Etcd3
  readonly id: string
  readonly random: () => number
  readonly rounds: number
  /** How often the store has lost its data so far. */
  wipes(): number
  /** How often the store went or came back so far. */
  restarts(): number
  /** Resolves when the store is up. */
  whenUp(): Promise<void>
}

/**
 * Registers one node from several processes while their calls to etcd fail or come late, an operator writes, and the processes
 * update and leave. After each round, the faults end and all must be as it should.
 *
 * @throws Error with what had happened when it is not
 */
export async function runRegistrations(options: ScenarioOptions): Promise<void> {
  const { url, operator, id, random, rounds } = options
  const KEY = `/services/user/${id}`
  const key = Buffer.from(KEY)
  const log: string[] = []
  const note = (what: string) => void log.push(`${Math.round(performance.now())} ${what}`)
  const processes: FaultyProcess[] = []
  let counter = 0
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const granted = () => processes.reduce((sum, { faults }) => sum + faults.leases.size, 0)
  // Deleted before its next lease had it, a key may have gone with the last lease as well.
  let grantedBefore = 0
  const live = () => processes.filter(({ hasLeft }) => !hasLeft)

  // What is known of the operator's writes.
  let edits: readonly Edit[] = []
  let editRevision = 0n
  let deletion = { revision: 0n, leases: 0 }
  let looseRevision = 0n
  let foreign: { readonly value: string; readonly revision: bigint } | undefined
  let wipes = options.wipes()

  const read = async () => {
    const { kvs } = await operator.kv.range({ key })
    return kvs[0]
  }
  const start = () => {
    const index = processes.length
    const own = { weight: ++counter, metadata: { u: String(counter) }, draining: false }
    const port = random() < 0.7 ? 3000 : 3000 + index
    const process = new FaultyProcess({ url, name: `p${index}`, id, port, own, random, note })
    processes.push(process)
    return process
  }
  const update = (process: FaultyProcess) => {
    const kind = random()
    process.update({
      ...(kind < 0.5 && { weight: ++counter }),
      ...(kind > 0.3 && kind < 0.8 && { metadata: { u: String(++counter) } }),
      ...(kind > 0.8 && { draining: !process.own.draining }),
    })
  }
  const encode = (port: number, { weight, metadata }: Edit) =>
    JSON.stringify({ id, ip: '10.0.0.7', port, weight, metadata })

  const noteWipe = () => {
    if (options.wipes() === wipes) return
    wipes = options.wipes()
    deletion = { revision: 0n, leases: 0 }
    ;[editRevision, looseRevision, foreign] = [0n, 0n, undefined]
    for (const { faults } of processes) faults.putRevision = 0n
  }

  const operate = async () => {
    await options.whenUp()
    noteWipe()
    const kind = random()
    const found = await read()
    const isLoose = found?.lease === '0'
    if (kind < 0.45) {
      const edit: Edit = {
        weight: 1_000 + ++counter,
        ...(random() < 0.5 && { metadata: { o: String(counter) } }),
      }
      const withoutLease = random() < 0.4
      if (!withoutLease && !found) return
      const port = found ? JSON.parse(found.value.toString()).port : live()[0]?.port
      if (foreign || isLoose || !processes.some(process => process.port === port)) return
      const value = Buffer.from(encode(port, edit))
      const { header } = await operator.kv.put({ key, value, ...(!withoutLease && { ignore_lease: true }) })
      editRevision = BigInt(header.revision)
      edits = [edit, ...edits]
      if (withoutLease) looseRevision = editRevision
      note(`operator writes ${value} ${withoutLease ? 'without a lease' : ''} at ${header.revision}`)
    } else if (kind < 0.55) {
      if (!found || isLoose || foreign) return
      const value = pick([encode(9999, { weight: 1 }), 'oops', ''])
      const { header } = await operator.kv.put({ key, value: Buffer.from(value), ignore_lease: true })
      editRevision = 0n
      note(`operator writes ${value} under the lease at ${header.revision}`)
    } else if (kind < 0.6) {
      const value = encode(9999, { weight: 2_000 + ++counter })
      const { header } = await operator.kv.put({ key, value: Buffer.from(value) })
      foreign = { value, revision: BigInt(header.revision) }
      editRevision = 0n
      note(`operator puts another node at ${header.revision}`)
    } else if (kind < 0.8) {
      const { header, deleted } = await operator.kv.deleteRange({ key })
      if (Number(deleted) > 0) {
        deletion = { revision: BigInt(header.revision), leases: grantedBefore }
        foreign = undefined
        note(`operator deletes at ${header.revision}`)
      }
    } else if (found && !isLoose) {
      note(`operator revokes ${found.lease}`)
      await operator.leaseClient.leaseRevoke({ ID: found.lease })
    }
  }

  /** Says what is wrong at the moment, if anything. */
  const judge = async (): Promise<string | undefined> => {
    if (processes.some(({ faults }) => faults.pending > 0)) return 'calls are on their way'
    noteWipe()
    const waiting = processes.filter(({ isUpdating }) => isUpdating)
    if (waiting.length > 0) return `an update of ${waiting.map(({ name }) => name)} has not settled`
    const all = new Set((await operator.leaseClient.leaseLeases()).leases.map(({ ID }) => ID))
    for (const process of processes) {
      const kept = [...process.faults.leases].filter(lease => all.has(lease))
      const wanted = process.hasLeft ? 0 : 1
      if (kept.length !== wanted)
        return `${process.name} has ${kept.length} leases instead of ${wanted}: ${kept}`
    }
    const found = await read()
    // A process that registers later replaces it.
    if (foreign && processes.some(({ faults }) => faults.putRevision > foreign!.revision)) foreign = undefined
    if (foreign) {
      const isThere = found?.value.toString() === foreign.value && found.lease === '0'
      return isThere ? undefined : `the operator's node is not there but ${found?.value}`
    }
    if (live().length === 0) return found && `there is ${found.value} under ${found.lease}`
    if (!found) return 'there is no key'
    const owner = live().find(({ faults }) => faults.leases.has(found.lease))
    if (!owner) return `${found.value} is under the lease ${found.lease} of nobody`
    const created = BigInt(found.create_revision)
    const last = live().reduce((a, b) => (b.faults.putRevision > a.faults.putRevision ? b : a))
    const { putRevision } = last.faults
    if (putRevision >= created && looseRevision < putRevision && owner !== last) {
      return `${owner.name} has the key, but ${last.name} registered last`
    }
    const { own } = owner
    // Its first put replaces whatever is there, and a key that is absent for a moment is put as its process knows it.
    const isEdited =
      editRevision >= created && processes.every(({ faults }) => faults.putRevision < editRevision)
    const isReset = deletion.revision > editRevision && deletion.leases === granted() && editRevision > 0n
    const possible = isEdited ? edits.slice(0, 1) : isReset ? [undefined] : [undefined, ...edits]
    const allowed = possible.map(edit => {
      const { weight, metadata } = { ...own, ...edit }
      return JSON.stringify({ weight: own.draining ? 0 : weight, metadata: metadata ?? own.metadata })
    })
    const { port, weight, metadata } = JSON.parse(found.value.toString())
    if (port !== owner.port) return `${found.value} has another port than ${owner.name}`
    const has = JSON.stringify({ weight, metadata })
    return allowed.includes(has) ? undefined : `${owner.name} has ${has} instead of ${allowed}`
  }
  const settle = async (what: string) => {
    for (const { faults } of processes) faults.isOn = false
    note(`${what}: faults end`)
    let wrong: string | undefined
    const untilRight = async () => {
      await options.whenUp()
      wrong = await judge()
      return wrong === undefined
    }
    for (;;) {
      const restarts = options.restarts()
      await options.whenUp()
      try {
        await until(what, untilRight, { withinMs: SETTLE_MS, everyMs: 100 })
        break
      } catch (error) {
        if (options.restarts() === restarts) throw new Error(wrong ?? String(error))
      }
    }
    note(`${what}: all is well`)
    for (let window = 0; ; window++) {
      const before = processes.map(({ faults }) => faults.calls)
      await delay(600)
      const most = Math.max(...processes.map(({ faults }, index) => faults.calls - before[index]!))
      if (most <= 2) break
      assert.ok(window < 4, `${most} calls in a quiet time`)
    }
  }
  const sometimes = async () => {
    const kind = random()
    const process = pick(processes)
    if (kind < 0.3) update(process)
    else if (kind < 0.6) await operate()
    else if (kind < 0.7) process.faults.cut()
    else if (kind < 0.78) process.pause()
    else if (kind < 0.84 && processes.length < 3) start().faults.isOn = random() < 0.8
    else if (kind < 0.87 && live().length > 1) void process.leave()
  }
  try {
    start()
    for (let round = 0; round < rounds; round++) {
      for (const { faults } of processes) faults.isOn = random() < 0.8
      note(`round ${round}: faults begin`)
      grantedBefore = granted()
      for (let step = 3 + random() * 10; step > 0; step--) {
        // While the store is down, an operator can do nothing.
        await sometimes().catch(error => note(`failed: ${error.message}`))
        await delay(random() * 300)
      }
      await settle(`round ${round}`)
    }
    for (const { faults } of processes) faults.isOn = random() < 0.5
    await Promise.all(processes.map(process => process.leave()))
    await settle('the end')
  } catch (error) {
    const calls = processes.flatMap(({ name, faults }) => faults.trace.map(line => `${line} (${name})`))
    const lines = [...log, ...calls].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    throw new Error(`${id}: ${(error as Error).message}\n${lines.slice(-150).join('\n')}`, { cause: error })
  } finally {
    await Promise.all(processes.map(process => process.leave()))
    for (const process of processes) process.close()
  }
}
