import { setTimeout as delay } from 'node:timers/promises'
import { seededRandom } from '../support/random.ts'
import type { Begin, Begun } from './fault-kinds.ts'
import {
  answer,
  breakRoute,
  changeWeight,
  compact,
  cut,
  defragment,
  deleteKey,
  fail,
  goOn,
  isHttp,
  isProxied,
  kill,
  killWorker,
  leave,
  leaveAlone,
  mend,
  moveLeader,
  ofMembers,
  ofNode,
  ofWays,
  putGarbage,
  putRoute,
  reload,
  replaceGateway,
  resetWeight,
  silence,
  slowDown,
  start,
  stop,
} from './fault-kinds.ts'
import type { Scene } from './scene.ts'

/** One line of {@link FAULTS}. */
export interface Fault {
  readonly name: string
  /** How often it is chosen, compared with the others. */
  readonly weight: number
  /** How long it lasts, seconds: at least and at most. */
  readonly holds: readonly [number, number]
  readonly begin: Begin
}

/** Everything that can happen. */
export const FAULTS: readonly Fault[] = [
  { name: 'member of etcd killed', weight: 3, holds: [1, 15], begin: ofMembers(1, 'SIGKILL') },
  { name: 'member of etcd restarted', weight: 2, holds: [0, 1], begin: ofMembers(1, 'SIGTERM') },
  { name: 'member of etcd stopped', weight: 3, holds: [1, 15], begin: ofMembers(1, 'SIGSTOP') },
  { name: 'quorum of etcd lost', weight: 2, holds: [1, 15], begin: ofMembers(2, 'SIGSTOP') },
  { name: 'leader of etcd moved', weight: 1, holds: [0, 0], begin: moveLeader },
  { name: 'etcd compacted', weight: 2, holds: [0, 0], begin: compact },
  { name: 'etcd defragmented', weight: 1, holds: [0, 0], begin: defragment },
  { name: 'way to etcd reset', weight: 2, holds: [0, 12], begin: ofWays('rst') },
  { name: 'way to etcd closed', weight: 1, holds: [0, 12], begin: ofWays('fin') },
  { name: 'way to etcd silent', weight: 2, holds: [1, 12], begin: ofWays('hold') },
  { name: 'way to etcd slow', weight: 2, holds: [1, 12], begin: ofWays('delay') },
  { name: 'node killed', weight: 4, holds: [0, 12], begin: ofNode('rough', kill, start) },
  { name: 'node stopped', weight: 3, holds: [0.5, 12], begin: ofNode('rough', stop, goOn) },
  { name: 'node restarted', weight: 4, holds: [0, 3], begin: ofNode('smooth', leave, start) },
  { name: 'node slow', weight: 2, holds: [1, 10], begin: ofNode('rough', slowDown, answer, isHttp) },
  { name: 'node answers 503', weight: 2, holds: [1, 10], begin: ofNode('rough', fail, answer, isHttp) },
  { name: 'way to node reset', weight: 2, holds: [0, 10], begin: ofNode('rough', cut, mend, isProxied) },
  {
    name: 'way to node silent',
    weight: 2,
    holds: [0.5, 10],
    begin: ofNode('rough', silence, mend, isProxied),
  },
  { name: 'weight changed', weight: 3, holds: [1, 10], begin: ofNode('smooth', changeWeight, resetWeight) },
  { name: 'key of node deleted', weight: 2, holds: [0, 2], begin: ofNode('smooth', deleteKey, leaveAlone) },
  { name: 'route document put', weight: 2, holds: [0, 10], begin: putRoute },
  { name: 'route document malformed', weight: 3, holds: [0.5, 15], begin: breakRoute },
  { name: 'garbage written', weight: 2, holds: [0.5, 15], begin: putGarbage },
  { name: 'worker killed', weight: 2, holds: [2, 4], begin: killWorker },
  { name: 'configuration reloaded', weight: 2, holds: [0, 1], begin: reload },
  { name: 'gateway restarted behind another port', weight: 1, holds: [0, 1], begin: replaceGateway },
]

/** A fault at its time, milliseconds from the start of its round. */
export interface PlannedFault {
  readonly fault: Fault
  readonly atMs: number
  readonly holdMs: number
  /** For what the fault itself chooses. */
  readonly seed: number
}

const MOST_AT_ONCE = 4
const PAUSE_MS = [200, 3_200] as const

/** Plans a round. The plan depends on nothing but its arguments, so that a seed means the same on every machine. */
export function planRound(faults: readonly Fault[], seed: number, roundMs: number): readonly PlannedFault[] {
  const random = seededRandom(seed)
  const between = ([least, most]: readonly [number, number]) => least + random() * (most - least)
  const plan: PlannedFault[] = []
  for (let atMs = 0; atMs < roundMs; atMs += between(PAUSE_MS)) {
    const fault = choose(faults, random())
    const holdMs = Math.min(between(fault.holds) * 1_000, roundMs - atMs)
    const running = plan.filter(other => other.atMs + other.holdMs > atMs)
    if (running.length < MOST_AT_ONCE) plan.push({ fault, atMs, holdMs, seed: random() * 2 ** 31 })
  }
  return plan
}

function choose(faults: readonly Fault[], random: number): Fault {
  const tickets = faults.flatMap(fault => Array<Fault>(fault.weight).fill(fault))
  return tickets[Math.floor(random * tickets.length)]!
}

/** Begins each fault at its time, if it can happen then. Resolves with their number when all are withdrawn. */
export async function runFaults(scene: Scene, plan: readonly PlannedFault[]): Promise<number> {
  const startMs = performance.now()
  const running: Promise<void>[] = []
  for (const planned of plan) {
    await delay(Math.max(0, startMs + planned.atMs - performance.now()))
    const begun = planned.fault.begin(scene, seededRandom(planned.seed))
    if (begun !== undefined) running.push(runOne(scene, planned, begun))
  }
  await Promise.all(running)
  return running.length
}

async function runOne({ journal }: Scene, planned: PlannedFault, begun: Promise<Begun>): Promise<void> {
  const { name } = planned.fault
  const begunAt = performance.now()
  try {
    journal.note('fault', `${name} ...`)
    const { where, withdraw } = await begun
    journal.note('fault', `${name}: ${where}`)
    await delay(planned.holdMs)
    await withdraw?.()
    journal.note('over', `${name}: ${where}`)
  } catch (error) {
    journal.fail(`${name}: ${(error as Error).message}`, begunAt)
  }
}
