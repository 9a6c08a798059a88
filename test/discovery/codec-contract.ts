import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Codec } from '../../discovery/codecs/codec.ts'
import type { Node } from '../../internal/nodes/node.ts'

/** A node in one format: a value, or a key and its value if the key carries information too. */
export type Written = string | { readonly path: string; readonly value: string }

/** How to write a node in one format, with any value for a field, and the special rules of the format. */
export interface CodecCases {
  readonly codec: Codec
  /** How the format stores the weight: as a JSON number, as text, or not at all. */
  readonly weights: 'number' | 'word' | 'none'
  /** Whether host and port are separate JSON fields. */
  readonly apart: boolean
  readonly write: (node: {
    id?: unknown
    host?: unknown
    port?: unknown
    weight?: unknown
    protocol?: unknown
  }) => Written
  /** Whether a value can name the protocol of its node. Default true. */
  readonly saysProtocol?: boolean
  /** How a good value differs from an HTTP node of weight 1 with the key's id. */
  readonly good?: Partial<Node>
  /** The meaning of a weight of 0, if it is not 0. */
  readonly zero?: number
  /** Keys of the format that have no node. */
  readonly silent?: readonly string[]
}

const PATH = 'user/u1'
const GOOD = { id: 'u1', host: '10.0.0.7', port: 3001 }
const BAD_PATHS = ['', 'user', 'user/', '/u1', '__proto__/u1', 'constructor/u1', 'a b/u1', '\u0000/u1']

/** The behaviour that all formats share. Each format adds its own tests. */
export function codecContract({
  codec,
  write,
  weights,
  apart,
  good,
  zero = 0,
  silent = [],
  saysProtocol = true,
}: CodecCases): void {
  const decode = (written: Written, path?: string): readonly Node[] =>
    typeof written === 'string'
      ? codec.decode(path ?? PATH, written)
      : codec.decode(path ?? written.path, written.value)

  test(`${codec.name}: a good value is one node of the key's service`, () => {
    const [node, ...rest] = decode(write(GOOD))
    assert.deepEqual(rest, [])
    assert.deepEqual(
      { ...node, metadata: {} },
      { id: 'u1', service: 'user', host: '10.0.0.7', port: 3001, weight: 1, metadata: {}, ...good },
    )
    assert.ok(Object.isFrozen(node))
  })

  for (const host of ['localhost', 'user-1.internal', '127.0.0.1', '192.168.0.1']) {
    test(`${codec.name}: ${host} is an address`, () => {
      assert.equal(decode(write({ ...GOOD, host }))[0]?.host, host)
    })
  }

  const refused: readonly (readonly [string, Written])[] = [
    ['empty', ''],
    ['white space', ' \n'],
    ['broken JSON', '{"ip":'],
    ['a JSON array', '[]'],
    ['a JSON number', '1'],
    ['a JSON string', '"10.0.0.7:3001"'],
    ['null', 'null'],
    ['binary', '\u0000\u0001\ufffd\u001f'],
    ['nesting of 100,000 arrays', '['.repeat(100_000)],
    ['nesting of 100,000 objects', '{"a":'.repeat(100_000)],
    ['10 MB', write({ ...GOOD, host: 'a'.repeat(10 * 1024 * 1024) })],
    ['port 0', write({ ...GOOD, port: 0 })],
    ['port 70000', write({ ...GOOD, port: 70_000 })],
    ['port -1', write({ ...GOOD, port: -1 })],
    ['a fractional port', write({ ...GOOD, port: 80.5 })],
    ['no port', write({ ...GOOD, port: undefined })],
    ['no host', write({ ...GOOD, host: undefined })],
    ['an empty host', write({ ...GOOD, host: '' })],
    ['user info', write({ ...GOOD, host: 'admin:secret@10.0.0.7' })],
    ['a path in the host', write({ ...GOOD, host: '10.0.0.7/admin' })],
    ['a link-local address', write({ ...GOOD, host: '169.254.169.254' })],
    ['a multicast address', write({ ...GOOD, host: '224.0.0.1' })],
    ['the unspecified address', write({ ...GOOD, host: '0.0.0.0' })],
    ['a number that is an address in disguise', write({ ...GOOD, host: '2130706433' })],
    ['a line break in the host', write({ ...GOOD, host: '10.0.0.7\r\nx' })],
  ]
  for (const [what, value] of refused) {
    test(`${codec.name}: ${what} is refused with a reason`, () => refuses(() => decode(value)))
  }

  if (weights !== 'none') {
    const bad =
      weights === 'number'
        ? [-1, 1e9, 0.5, 65_536, '10', null, true, [], {}]
        : ['-1', '1e9', '0.5', '65536', 'NaN', 'Infinity', '1e999', '0x10', '+1', '9'.repeat(50), '1 2']
    for (const weight of bad) {
      test(`${codec.name}: weight ${JSON.stringify(weight)} is refused with a reason`, () =>
        refuses(() => decode(write({ ...GOOD, weight })), /weight/))
    }
    for (const weight of [0, 1, 65_535]) {
      test(`${codec.name}: weight ${weight} is read`, () => {
        const [node] = decode(write({ ...GOOD, weight: weights === 'word' ? String(weight) : weight }))
        assert.equal(node?.weight, weight === 0 ? zero : weight)
      })
    }
  }

  if (saysProtocol) {
    test(`${codec.name}: a protocol is read in any case, http is no protocol of its own, and any word is kept`, () => {
      for (const word of [
        'http',
        'h2c',
        'grpc',
        'https',
        'h2',
        'grpcs',
        'thrift',
        'HTTP',
        'gRPC',
        'HTTP/1.1',
      ]) {
        const [node] = decode(write({ ...GOOD, protocol: word }))
        const read = word.toLowerCase().replace('/1.1', '')
        assert.equal(node?.protocol, read === 'http' ? undefined : read, word)
      }
      refuses(() => decode(write({ ...GOOD, protocol: 'a b' })), /protocol/)
    })
  }

  if (weights === 'number') {
    test(`${codec.name}: NaN and Infinity are not JSON and are refused`, () => {
      for (const word of ['NaN', 'Infinity', '1e999']) {
        refuses(() => decode(String(write({ ...GOOD, weight: 12_345 })).replace('12345', word)))
      }
    })
  }

  if (apart) {
    test(`${codec.name}: a field that is nested 50,000 deep, or claims to be printable, is refused`, () => {
      const deep = '['.repeat(50_000) + ']'.repeat(50_000)
      for (const field of ['id', 'host', 'port', 'weight']) {
        for (const word of [deep, '{"toString":1}']) {
          refuses(() => decode(String(write({ ...GOOD, [field]: 'HERE' })).replace('"HERE"', word)))
        }
      }
    })
    for (const host of [1, true, null, [], {}]) {
      test(`${codec.name}: host ${JSON.stringify(host)} is refused with a reason`, () =>
        refuses(() => decode(write({ ...GOOD, host }))))
    }
    for (const port of ['3001', true, null, [], {}]) {
      test(`${codec.name}: port ${JSON.stringify(port)} is refused with a reason`, () =>
        refuses(() => decode(write({ ...GOOD, port }))))
    }
  }

  for (const path of BAD_PATHS.filter(each => !silent.includes(each))) {
    test(`${codec.name}: key ${JSON.stringify(path)} is refused with a reason`, () =>
      refuses(() => decode(write({ ...GOOD, id: undefined }), path)))
  }

  for (const path of silent) {
    test(`${codec.name}: key ${JSON.stringify(path)} has no node`, () => {
      assert.deepEqual(decode(write(GOOD), path), [])
    })
  }

  test(`${codec.name}: an id that is a reserved name is refused`, () => {
    refuses(() => decode(write({ ...GOOD, id: '__proto__' }), 'user/__proto__'))
  })
}

/** A TypeError whose message can be shown on one line of a page. */
export function refuses(run: () => unknown, reason: RegExp = /./): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof TypeError, String(error))
    assert.match(error.message, reason)
    assert.ok(error.message.length < 400, `too long: ${error.message.slice(0, 500)}`)
    assert.doesNotMatch(error.message, /[\r\n]/)
    return true
  })
}
