import assert from 'node:assert/strict'
import { test } from 'node:test'
import { autoCodec } from '../../../discovery/codecs/auto.ts'
import { codecNamed } from '../../../discovery/codecs/codecs.ts'
import { refuses } from '../codec-contract.ts'
import { fixtures } from './fixtures.ts'

/** Addresses that no node may have. */
const BAD_ADDRESSES = [
  ...['', ':', ':80', '10.0.0.7', '10.0.0.7:', '10.0.0.7:0', '10.0.0.7:65536', '10.0.0.7:70000'],
  ...['10.0.0.7:-1', '10.0.0.7:+80', '10.0.0.7:8e1', '10.0.0.7:80.5', '10.0.0.7:NaN', '10.0.0.7:999999'],
  ...['10.0.0.7:80:80', '10.0.0.7 :80', '10.0.0.7: 80', 'a b:80', 'admin@10.0.0.7:80', 'a:b@10.0.0.7:80'],
  ...['0.0.0.0:80', '255.255.255.255:80', '169.254.169.254:80', '224.0.0.1:80', '256.0.0.1:80', '[::]:80'],
  ...['2130706433:80', '0x7f.1:80', '127.1:80', '[fe80::1]:80', '[ff02::1]:80', '[::1:80', '::1:80', '[]:80'],
  ...[
    '[::ffff:169.254.169.254]:80',
    '[::1%eth0]:80',

    '-a:80',
    'a..b:80',
    'a-:80',
    '\u0000:80',
  ],
  ...['a\n:80', 'ä:80', '10.0.0.7:８０', '\ud800:80', `${'a'.repeat(64)}:80`, `${'a.'.repeat(127)}a:80`],
]
/** Behind `http://` these have another meaning: what follows the address is a path or a query, and unused. */
const BAD_BARE_ADDRESSES = ['10.0.0.7:80/admin', '10.0.0.7:80?x', 'http://10.0.0.7:80', '//10.0.0.7:80']

type Place = (address: string) => readonly [path: string, value: string]
const addressPlaces: readonly (readonly [format: string, place: Place])[] = [
  ['plain-address', address => ['user/1', address]],
  ['go-zero', address => ['user.rpc/1', address]],
  ['name-address', addr => ['user/1', JSON.stringify({ name: 'user', addr })]],
  ['grpc-endpoint', Addr => ['user/1', JSON.stringify({ Op: 0, Addr })]],
  ['kratos', address => ['user/1', JSON.stringify({ id: '1', endpoints: [`http://${address}`] })]],
  ['go-micro', address => ['user/1', JSON.stringify({ endpoints: null, nodes: [{ id: '1', address }] })]],
  ['rpcx', address => [`user/tcp@${address}`, '']],
  ['kitex', address => ['user/1', JSON.stringify({ network: 'tcp', address })]],
  ['hertz', address => ['user/1', JSON.stringify({ network: 'tcp', address })]],
]

for (const [format, place] of addressPlaces) {
  const addresses = format === 'kratos' ? BAD_ADDRESSES : [...BAD_ADDRESSES, ...BAD_BARE_ADDRESSES]
  test(`${format}: ${addresses.length} malformed addresses are refused, by auto too`, () => {
    for (const address of addresses) {
      refuses(() => codecNamed(format).decode(...place(address)))
      refuses(() => autoCodec.decode(...place(address)))
    }
  })

  test(`${format}: a good address in the same place is taken`, () => {
    for (const address of ['10.0.0.7:80', 'a_b.internal:65535', '[::1]:1']) {
      assert.equal(codecNamed(format).decode(...place(address)).length, 1)
    }
  })
}

/** What is no document of any format of JSON. */
const BAD_DOCUMENTS = [
  ...['{', '}', '{}', '{"a"}', '{"a":}', "{'a':1}", '{"a":1,}', '{"a":1}x', '{"a":1}{"a":1}', '{"\u0000":1'],
  ...['{"a":NaN}', '[]', '[{}]', 'null', 'true', '0', '-1', '1e9', '""', '"x"', '{"constructor":{}}'],
  ...['{"a":'.repeat(100_000), '['.repeat(100_000), `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  '{"__proto__":{"addr":"10.0.0.7:80","ip":"10.0.0.7","port":80,"endpoints":["http://a:1"],"nodes":[]}}',
]
const firstOfEach = fixtures.filter(({ codec }, i) => fixtures.findIndex(each => each.codec === codec) === i)
const ofJson = firstOfEach.filter(({ value }) => value.startsWith('{'))

for (const { codec, path } of ofJson) {
  test(`${codec.name}: ${BAD_DOCUMENTS.length} malformed documents are refused, by auto too`, () => {
    for (const document of BAD_DOCUMENTS) {
      refuses(() => codec.decode(path, document))
      refuses(() => autoCodec.decode(path, document))
    }
  })
}

const DEEP = `${'['.repeat(9_999)}${']'.repeat(9_999)}`
const OTHER_KINDS = ['-1', 'true', '[[]]', '[null]', '[{}]', '{"toString":1}', '1e400', '"\\u0000"', DEEP]

for (const { codec, path, value, nodes } of ofJson) {
  test(`${codec.name}: a field of another kind refuses the value, or is one that does not matter`, () => {
    const document: Record<string, unknown> = JSON.parse(value)
    for (const field of Object.keys(document)) {
      for (const kind of OTHER_KINDS) {
        const changed = JSON.stringify({ ...document, [field]: 'HERE' }).replace('"HERE"', kind)
        let hosts: readonly string[] | undefined
        try {
          hosts = codec.decode(path, changed).map(node => node.host)
        } catch (error) {
          refuses(() => {
            throw error
          })
        }
        if (hosts) {
          assert.deepEqual(
            hosts,
            nodes.map(node => node.host),
            `${field} ${kind.slice(0, 20)}`,
          )
        }
      }
    }
  })
}
