import { CompareResult, CompareTarget, type Etcd3 } from 'etcd3'
import { QuietError } from '../../internal/http/quiet-error.ts'
import { parseJson } from '../../internal/text/json.ts'
import { isObject } from '../codecs/value.ts'
import type { EtcdClientOptions } from './client.ts'
import { readAllPages, readPage } from './pages.ts'
import { withClient } from './stored-values.ts'

const PAGE_SIZE = 500
/** How many keys are written at once. */
const PARALLEL = 8
const EVERYTHING = { key: Buffer.of(0), range_end: Buffer.of(0) }

/** What an export has left out, and at which revision it read. */
export interface Exported {
  readonly keys: number
  /** Keys with a lease, which their owners put again. */
  readonly leased: number
  readonly revision: bigint
}

/**
 * Reads all keys of an etcd at one revision, and calls `write` with each as a line of JSON. Keys with a lease are left out.
 *
 * @throws StoreError when etcd cannot be reached or refuses it
 */
export async function exportKeys(
  options: EtcdClientOptions,
  write: (line: string) => void,
): Promise<Exported> {
  let keys = 0
  let leased = 0
  const { revision } = await withClient(options, client =>
    readAllPages({
      read: page => readPage(client, EVERYTHING, page),
      limit: PAGE_SIZE,
      take({ key, value, lease }) {
        if (lease !== '0') leased++
        else {
          keys++
          write(JSON.stringify({ ...field('key', key), ...field('value', value) }))
        }
      },
    }),
  )
  return { keys, leased, revision }
}

export interface Imported {
  readonly written: number
  /** Keys that had that value before. */
  readonly unchanged: number
  /** Keys that have another value, and keep it. */
  readonly kept: readonly string[]
}

/**
 * Puts the keys of an export into an etcd. A key that exists there keeps its value, unless `overwrite` is set.
 *
 * @throws DumpError for a line that no export writes; keys of lines before it may have been written
 * @throws StoreError when etcd cannot be reached or refuses it
 */
export async function importKeys(
  options: EtcdClientOptions,
  lines: AsyncIterable<string>,
  { overwrite }: { readonly overwrite: boolean },
): Promise<Imported> {
  const kept: string[] = []
  let [written, unchanged] = [0, 0]
  await withClient(options, async client => {
    const importAll = async (items: readonly Item[]) => {
      for (const [at, result] of (
        await Promise.all(items.map(item => put(client, item, overwrite)))
      ).entries()) {
        if (result === 'written') written++
        else if (result === 'unchanged') unchanged++
        else kept.push(items[at]!.key.toString())
      }
    }
    let items: Item[] = []
    let number = 0
    for await (const line of lines) {
      number++
      if (line.trim() === '') continue
      items.push(readLine(line, number))
      if (items.length < PARALLEL) continue
      await importAll(items)
      items = []
    }
    await importAll(items)
  })
  return { written, unchanged, kept }
}

/** A line that no export writes. The message has its number. */
class DumpError extends QuietError {
  override readonly name = 'DumpError'
}

interface Item {
  readonly key: Buffer
  readonly value: Buffer
}

async function put(
  client: Etcd3,
  { key, value }: Item,
  overwrite: boolean,
): Promise<'written' | 'unchanged' | 'kept'> {
  const request = { request_put: { key, value } }
  const compare = { key, result: CompareResult.Equal, target: CompareTarget.Create, create_revision: 0 }
  const { succeeded, responses } = await client.kv.txn({
    compare: [compare],
    success: [request],
    failure: [{ request_range: { key } }],
  })
  if (succeeded) return 'written'
  if (responses[0]!.response_range.kvs[0]?.value.equals(value)) return 'unchanged'
  if (!overwrite) return 'kept'
  await client.kv.txn({ success: [request] })
  return 'written'
}

/** Returns bytes as text, or in base64 when they are none. */
function field(name: string, bytes: Buffer): Record<string, string> {
  const text = bytes.toString()
  return Buffer.from(text).equals(bytes) ? { [name]: text } : { [`${name}Base64`]: bytes.toString('base64') }
}

function readLine(line: string, number: number): Item {
  try {
    const fields = parseJson(line)
    if (!isObject(fields)) throw new TypeError('is not an object')
    const item = { key: bytesOf(fields, 'key'), value: bytesOf(fields, 'value') }
    if (item.key.length === 0) throw new TypeError('has an empty key')
    return item
  } catch (error) {
    throw new DumpError(
      `line ${number} ${(error as Error).message}; waygate etcd export writes lines that can be imported`,
    )
  }
}

function bytesOf(fields: Readonly<Record<string, unknown>>, name: string): Buffer {
  const { [name]: text, [`${name}Base64`]: base64 } = fields
  if (typeof text === 'string') return Buffer.from(text)
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64')
  throw new TypeError(`has neither ${name} nor ${name}Base64`)
}
