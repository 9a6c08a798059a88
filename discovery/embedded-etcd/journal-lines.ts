import { crc32 } from 'node:zlib'
import type { KeptLease, StoreChange } from './journal.ts'
import { keyName } from './key-range.ts'
import { isDeletion, type KeyValue, type StoreEvent } from './key-value.ts'

/** The version of the format of the file. */
const FORMAT = 1

/** Who the store is, and where its history begins. */
export interface JournalStart {
  readonly clusterId: bigint
  readonly memberId: bigint
  /** The revision of the states that follow. */
  readonly revision: bigint
  readonly compactRevision: bigint
}

/** What the file consists of: a whole state of the store, which ends with `whole`, and then changes. */
export type Entry =
  | Exclude<StoreChange, { kind: 'write' }>
  | { readonly kind: 'start'; readonly start: JournalStart }
  | { readonly kind: 'state'; readonly kv: KeyValue }
  | { readonly kind: 'write'; readonly revision: bigint; readonly changes: readonly KeyChange[] }
  | { readonly kind: 'whole' }

/** A put, or a deletion when there is no value. */
export interface KeyChange {
  readonly key: Buffer
  readonly value: Buffer | undefined
  readonly lease: bigint
}

export function keyChange({ kv }: StoreEvent): KeyChange {
  return { key: kv.key, value: isDeletion(kv) ? undefined : kv.value, lease: kv.lease }
}

/** Returns an entry as JSON. Bytes are strings with one character per byte, and 64-bit numbers are decimal strings. */
export function encode(entry: Entry): string {
  return JSON.stringify(toJson(entry))
}

function toJson(entry: Entry): readonly unknown[] {
  const { kind } = entry
  switch (kind) {
    case 'start': {
      const { clusterId, memberId, revision, compactRevision } = entry.start
      return [kind, FORMAT, `${clusterId}`, `${memberId}`, `${revision}`, `${compactRevision}`]
    }
    case 'state': {
      const { key, value, createRevision, modRevision, version, lease } = entry.kv
      return [
        ...[kind, keyName(key), keyName(value)],
        ...[`${createRevision}`, `${modRevision}`, `${version}`, `${lease}`],
      ]
    }
    case 'write':
      return [
        kind,
        `${entry.revision}`,
        ...entry.changes.map(({ key, value, lease }) =>
          value === undefined ? [keyName(key)] : [keyName(key), keyName(value), `${lease}`],
        ),
      ]
    case 'lease': {
      const { id, ttlSeconds, untilMs, isRenewed } = entry.lease
      return [kind, `${id}`, `${ttlSeconds}`, untilMs, isRenewed]
    }
    case 'compact':
      return [kind, `${entry.revision}`]
    case 'renew':
    case 'revoke':
      return [kind, `${entry.id}`]
    case 'whole':
      return [kind]
    default:
      return entry satisfies never
  }
}

/** @throws Error when that is no entry; SyntaxError when a number is none */
function decode([kind, ...fields]: readonly unknown[]): Entry {
  const text = fields as string[]
  const number = (at: number) => BigInt(text[at]!)
  const bytes = (at: number) => Buffer.from(text[at]!, 'latin1')
  switch (kind as Entry['kind']) {
    case 'start': {
      if (fields[0] !== FORMAT)
        throw new Error(`its format is ${fields[0]}, and this version of Waygate reads ${FORMAT}`)
      const [clusterId, memberId, revision, compactRevision] = [number(1), number(2), number(3), number(4)]
      return { kind: 'start', start: { clusterId, memberId, revision, compactRevision } }
    }
    case 'state': {
      const [createRevision, modRevision, version, lease] = [number(2), number(3), number(4), number(5)]
      const kv = { key: bytes(0), value: bytes(1), createRevision, modRevision, version, lease }
      return { kind: 'state', kv }
    }
    case 'write': {
      const changes = (fields.slice(1) as string[][]).map(([key, value, lease = '0']) => ({
        key: Buffer.from(key!, 'latin1'),
        value: value === undefined ? undefined : Buffer.from(value, 'latin1'),
        lease: BigInt(lease),
      }))
      return { kind: 'write', revision: number(0), changes }
    }
    case 'lease': {
      const lease: KeptLease = {
        ...{ id: number(0), ttlSeconds: number(1) },
        ...{ untilMs: Number(fields[2]), isRenewed: fields[3] === true },
      }
      return { kind: 'lease', lease }
    }
    case 'compact':
      return { kind: 'compact', revision: number(0) }
    case 'renew':
      return { kind: 'renew', id: number(0) }
    case 'revoke':
      return { kind: 'revoke', id: number(0) }
    case 'whole':
      return { kind: 'whole' }
    default:
      throw new Error(`it has an entry ${JSON.stringify(kind)}, which this version of Waygate does not know`)
  }
}

/** A line of the file with its checksum, which the next line continues. */
export interface Line {
  readonly bytes: Buffer
  readonly checksum: number
}

/**
 * Writes encoded entries as one line: a checksum, a space, a JSON array. The checksum covers all lines before it too, so that none
 * can be missing.
 */
export function writeLine(entries: readonly string[], checksumBefore: number): Line {
  const json = Buffer.from(`[${entries.join(',')}]`)
  const checksum = crc32(json, checksumBefore)
  const bytes = Buffer.concat([Buffer.from(`${hex(checksum)} `), json, Buffer.from('\n')])
  return { bytes, checksum }
}

/** A damaged place of a file. */
export class DamagedError extends Error {
  /** The position of the first byte that cannot be used. */
  readonly position: number

  constructor(message: string, position: number) {
    super(message)
    this.name = 'DamagedError'
    this.position = position
  }
}

/** What was read of a file. */
export interface ReadLines {
  /** What the next line continues. */
  readonly checksum: number
  /** The number of bytes without a torn line. */
  readonly length: number
  /** How many of them are the whole state; 0 when there is none. */
  readonly wholeLength: number
  /** The size of the file. */
  readonly size: number
}

/**
 * Reads the lines of a file in order, and calls `apply` with each entry. The last line is left out when it is torn, as a write is
 * that was under way when the machine stopped: it has no end, or bytes that were never written, which are zero.
 *
 * @param pieces the file, which may be larger than a buffer can be
 * @throws DamagedError when there is damage that a torn write does not explain, or `apply` throws
 */
export async function readLines(
  pieces: AsyncIterable<Buffer>,
  apply: (entry: Entry) => void,
): Promise<ReadLines> {
  let [checksum, length, wholeLength, size] = [0, 0, 0, 0]
  let number = 1
  let begun: Buffer[] = []
  /** What is wrong with the line before, unless it is the last one. */
  let damage: DamagedError | undefined
  for await (const piece of pieces) {
    size += piece.length
    let from = 0
    while (from < piece.length) {
      if (damage) throw damage
      const end = piece.indexOf(0x0a, from)
      begun.push(piece.subarray(from, end === -1 ? piece.length : end))
      if (end === -1) break
      from = end + 1
      const line = begun.length === 1 ? begun[0]! : Buffer.concat(begun)
      begun = []
      const json = line.subarray(9)
      const expected = crc32(json, checksum)
      if (line.toString('latin1', 0, 9) !== `${hex(expected)} `) {
        damage = new DamagedError(`line ${number} does not have the checksum that it should`, length)
        // JSON has no zero bytes, so they were never written.
        if (line.includes(0)) continue
        throw damage
      }
      try {
        for (const fields of JSON.parse(json.toString()) as unknown[][]) {
          const entry = decode(fields)
          apply(entry)
          if (entry.kind === 'whole') wholeLength = length + line.length + 1
        }
      } catch (error) {
        throw new DamagedError(`line ${number} cannot be used: ${(error as Error).message}`, length)
      }
      checksum = expected
      length += line.length + 1
      number++
    }
  }
  return { checksum, length, wholeLength, size }
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0')
}
