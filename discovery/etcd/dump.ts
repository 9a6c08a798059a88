import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CompareResult, CompareTarget, type Etcd3, GRPCOutOfRangeError } from 'etcd3'
import { QuietError } from '../../internal/http/quiet-error.ts'
import { parseJson } from '../../internal/text/json.ts'
import { splitLines } from '../../internal/text/lines.ts'
import { isObject } from '../codecs/value.ts'
import type { EtcdClientOptions } from './client.ts'
import { readPage } from './pages.ts'
import { withClient } from './stored-values.ts'

/** Pages grow up to so many keys, and shrink when they are larger than `PAGE_BYTES`, since etcd limits keys alone. */
const [FIRST_PAGE_KEYS, MAX_PAGE_KEYS] = [16, 128]
const PAGE_BYTES = 1 << 20
/** How many keys are written at once. */
const PARALLEL = 8
/** More than a key and a value of etcd can be, in base64, unless its limits were raised tenfold. */
const MAX_LINE_BYTES = 32 << 20
const EVERYTHING = { key: Buffer.of(0), range_end: Buffer.of(0) }

/** What an export has left out, and at which revision it read. */
export interface Exported {
  readonly keys: number
  /** Keys with a lease, which their owners put again. */
  readonly leased: number
  readonly revision: bigint
}

/**
 * Reads all keys of an etcd at one revision, and writes each as a line of JSON. Keys with a lease are left out. A page is read when the
 * output has taken the one before, so a store may be larger than the memory. The output stays open.
 *
 * @throws DumpError when the output is closed, or so slow that etcd has compacted the revision meanwhile
 * @throws StoreError when etcd cannot be reached or refuses it
 */
export async function exportKeys(options: EtcdClientOptions, output: Writable): Promise<Exported> {
  const exported = { keys: 0, leased: 0, revision: 0n }
  await withClient(options, async client => {
    try {
      const pages = Readable.from(readPages(client, exported), { highWaterMark: 1 })
      await pipeline(pages, output, { end: false })
    } catch (error) {
      if (error instanceof GRPCOutOfRangeError) {
        throw new DumpError(
          `etcd has compacted revision ${exported.revision} before all of it was read; write the export to a file first`,
        )
      }
      const { code = '' } = error as NodeJS.ErrnoException
      if (!OUTPUT_ENDED.includes(code)) throw error
      throw new DumpError(`the output ended before the export did (${code})`)
    }
  })
  return exported
}

const OUTPUT_ENDED: readonly string[] = ['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']

/** Yields the lines of each page as one text, and counts them. */
async function* readPages(
  client: Etcd3,
  exported: { -readonly [Field in keyof Exported]: Exported[Field] },
): AsyncGenerator<string> {
  let limit = FIRST_PAGE_KEYS
  let page = await readPage(client, EVERYTHING, { limit })
  const { clusterId, revision } = page
  exported.revision = revision
  for (;;) {
    let text = ''
    for (const { key, value, lease } of page.items) {
      if (lease !== '0') exported.leased++
      else {
        exported.keys++
        text += `${JSON.stringify({ ...field('key', key), ...field('value', value) })}\n`
      }
    }
    if (text !== '') yield text
    if (!page.next) return
    const bytes = page.items.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
    limit = bytes > PAGE_BYTES ? Math.max(1, limit >> 1) : Math.min(MAX_PAGE_KEYS, limit * 2)
    page = await readPage(client, EVERYTHING, { from: page.next, revision, limit })
    if (page.clusterId !== clusterId) {
      throw new DumpError('the endpoint changed to another cluster during the read')
    }
  }
}

export interface Imported {
  readonly written: number
  /** Keys that had that value before. */
  readonly unchanged: number
  /** Keys that have another value, and keep it. */
  readonly kept: number
}

export interface ImportOptions {
  /** Whether keys that exist get the values of the export. */
  readonly overwrite: boolean
  /** Called with each key that has another value, and keeps it. */
  readonly onKept: (key: string) => void
}

/**
 * Puts the keys of an export into an etcd, as they are read. A key that exists there keeps its value, unless `overwrite` is set.
 *
 * @throws DumpError for a line that no export writes; keys of lines before it may have been written
 * @throws StoreError when etcd cannot be reached or refuses it
 */
export async function importKeys(
  options: EtcdClientOptions,
  input: AsyncIterable<Buffer>,
  { overwrite, onKept }: ImportOptions,
): Promise<Imported> {
  let [written, unchanged, kept] = [0, 0, 0]
  await withClient(options, async client => {
    const importAll = async (items: readonly Item[]) => {
      for (const [at, result] of (
        await Promise.all(items.map(item => put(client, item, overwrite)))
      ).entries()) {
        if (result === 'written') written++
        else if (result === 'unchanged') unchanged++
        else {
          kept++
          onKept(items[at]!.key.toString())
        }
      }
    }
    let items: Item[] = []
    let number = 0
    for await (const line of linesOf(input)) {
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

async function* linesOf(input: AsyncIterable<Buffer>): AsyncGenerator<string> {
  try {
    yield* splitLines(input, MAX_LINE_BYTES)
  } catch (error) {
    throw error instanceof RangeError ? new DumpError(error.message) : error
  }
}

/** An export that is not whole, or a line that no export writes. */
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
  if (typeof text === 'string') {
    if (text.isWellFormed()) return Buffer.from(text)
    throw new TypeError(`has a ${name} with half a character (an unpaired surrogate)`)
  }
  if (typeof base64 === 'string') {
    const bytes = Buffer.from(base64, 'base64')
    // Buffer.from leaves out what is not base64.
    if (bytes.toString('base64') === base64) return bytes
    throw new TypeError(`has a ${name}Base64 that is not base64`)
  }
  throw new TypeError(`has neither ${name} nor ${name}Base64`)
}
