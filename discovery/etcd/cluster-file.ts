import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isObject, parseObject } from '../codecs/value.ts'
import type { StoredKey } from './transport.ts'

/** A write of a cluster, by which its history can be told from that of another one with the same id. */
export interface Witness {
  readonly key: string
  readonly modRevision: string
  /** SHA-256 of the value. */
  readonly sha256: string
}

/** What `cluster.json` says of the cluster whose copies are in the same folder. */
export interface ClusterFile {
  /** When an endpoint was last seen to be of the cluster, as an ISO date, by `host:port`. */
  readonly endpoints: Readonly<Record<string, string>>
  /** How often a gateway has found, at its start, that the cluster had begun anew. Copies of an earlier count are void. */
  readonly history: number
  /** The latest write that was seen; undefined when there was none. */
  readonly newest?: Witness | undefined
}

const EMPTY: ClusterFile = { endpoints: {}, history: 0 }

/** Reads the file of a cluster. One that is missing, damaged or of another cluster says nothing. */
export function readClusterFile(path: string, clusterId: string): ClusterFile {
  try {
    const file = parseObject(readFileSync(path, 'utf8'))
    const { endpoints, history, newest } = file
    if (file.clusterId !== clusterId || !isObject(endpoints) || !Number.isSafeInteger(history)) return EMPTY
    const seen = Object.entries(endpoints).filter(
      (pair): pair is [string, string] => typeof pair[1] === 'string',
    )
    return {
      endpoints: Object.fromEntries(seen),
      history: history as number,
      newest: isWitness(newest) ? newest : undefined,
    }
  } catch {
    return EMPTY
  }
}

/** Returns the content of the file of a cluster. */
export function renderClusterFile(clusterId: string, file: ClusterFile): string {
  return `${JSON.stringify({ clusterId, ...file }, undefined, 2)}\n`
}

export function witnessOf({ key, value, modRevision }: StoredKey): Witness {
  return { key, modRevision: String(modRevision), sha256: hash('sha256', value) }
}

/** Whether an item is the write of which a witness speaks. */
export function isWitnessed({ key, modRevision, sha256 }: Witness, item: StoredKey | undefined): boolean {
  const found = item && witnessOf(item)
  return found?.key === key && found.modRevision === modRevision && found.sha256 === sha256
}

function isWitness(value: unknown): value is Witness {
  if (!isObject(value)) return false
  const { key, modRevision, sha256 } = value
  if (typeof key !== 'string' || key === '' || typeof sha256 !== 'string') return false
  return typeof modRevision === 'string' && /^[1-9]\d{0,18}$/.test(modRevision)
}
