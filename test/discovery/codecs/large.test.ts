import assert from 'node:assert/strict'
import { test } from 'node:test'
import { autoCodec } from '../../../discovery/codecs/auto.ts'
import { codecs } from '../../../discovery/codecs/codecs.ts'
import { refuses } from '../codec-contract.ts'

const MEBI = 1_048_576
const MOST_MS = 500
/** Returns `start`, then as many of `item` as fit, then `end`. */
const filled = (start: string, item: string, end: string): string =>
  start +
  Array(Math.floor((MEBI - start.length - end.length) / (item.length + 1)))
    .fill(item)
    .join(',') +
  end

/** Values of the largest accepted size that are expensive to read. */
const LARGE: readonly (readonly [what: string, value: string])[] = [
  ['an address', `${'a'.repeat(MEBI - 3)}:80`],
  ['an address of dots', `${'a.'.repeat(MEBI / 2 - 2)}:80`],
  ['white space', ' '.repeat(MEBI)],
  ['white space before a brace', `${' '.repeat(MEBI - 1)}{`],
  ['a query of pairs', 'a&'.repeat(MEBI / 2)],
  ['a query of one name', `weight=${'1'.repeat(MEBI - 7)}`],
  ['nodes', filled('{"nodes":[', '{"ip":"a","port":1,"id":"a"}', ']}')],
  ['nodes of go-micro', filled('{"endpoints":[],"nodes":[', '{"id":"a","address":"a:1"}', ']}')],
  ['endpoints', filled('{"endpoints":[', '"http://a:1"', ']}')],
  ['an endpoint with a query', `{"endpoints":["http://a:1?${'isSecure=&'.repeat(100_000)}"]}`],
  ['an endpoint of slashes', `{"endpoints":["http://${'/'.repeat(MEBI - 100)}"]}`],
  [
    'metadata',
    `{"ip":"a","port":1,"metadata":{${Array.from({ length: 60_000 }, (_, i) => `"k${i}":"x"`).join()}}}`,
  ],
  [
    'Metadata',
    `{"Addr":"a:1","Metadata":{${Array.from({ length: 60_000 }, (_, i) => `"k${i}":"x"`).join()}}}`,
  ],
  [
    'tags',
    `{"network":"tcp","address":"a:1","tags":{${Array.from({ length: 60_000 }, (_, i) => `"k${i}":1`).join()}}}`,
  ],
  ['a long name', `{"name":"${'n'.repeat(MEBI - 40)}","addr":"a:1"}`],
  ['a long protocol', `{"addr":"a:1","protocol":"${'p'.repeat(MEBI - 40)}"}`],
  ['brackets', `{"a":${'['.repeat(MEBI / 2 - 10)}${']'.repeat(MEBI / 2 - 10)}}`],
]

/** Returns the processor time that a decoding takes, milliseconds. */
function decodingMs(decode: () => unknown): number {
  const before = process.cpuUsage()
  try {
    decode()
  } catch (error) {
    refuses(() => {
      throw error
    })
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

for (const [what, value] of LARGE) {
  test(`a mebibyte of ${what} keeps no codec busy for long`, () => {
    for (const codec of codecs) {
      for (const path of ['user/u1', 'user/tcp@10.0.0.7:1']) {
        const decode = () => decodingMs(() => codec.decode(path, value))
        let ms = decode()
        // Garbage of the values before may be collected meanwhile, by other threads too.
        for (let again = 0; again < 2 && ms >= MOST_MS; again++) ms = Math.min(ms, decode())
        assert.ok(ms < MOST_MS, `${codec.name}: ${ms} ms of processor time`)
      }
    }
  })
}

test('keys of any length are refused with a short reason', () => {
  for (const path of [
    'a'.repeat(MEBI),
    `a/${'b'.repeat(MEBI)}`,
    `${'a/'.repeat(MEBI / 2)}b`,
    `a/tcp@${'[:'.repeat(MEBI / 2)}`,
  ]) {
    for (const value of [
      '10.0.0.7:80',
      '{"name":"user","addr":"10.0.0.7:80"}',
      '{"id":"x","endpoints":["http://a:1"]}',
    ]) {
      refuses(() => autoCodec.decode(path, value))
    }
  }
})
