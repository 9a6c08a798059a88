import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../../config/kit/problem.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { seededRandom } from '../../support/random.ts'
import { tempFolder } from '../temp-folder.ts'
import { parseRule } from './parse-rule.ts'

function routeOf(clients: unknown, defaults?: object) {
  const parsed = parseRule('clients', clients, defaults)
  assert.ok('route' in parsed, 'reason' in parsed ? parsed.reason : '')
  return parsed.route
}

function reasonOf(clients: unknown): string {
  const parsed = parseRule('clients', clients)
  assert.ok('reason' in parsed, `${JSON.stringify(clients)} was accepted`)
  return parsed.reason
}

const good = [
  '10.1.2.3',
  '10.1.2.3/32',
  '10.0.0.0/8',
  '10.128.0.0/9',
  '172.16.0.0/12',
  '192.168.255.254/31',
  '0.0.0.0/1',
  '128.0.0.0/1',
  '255.255.255.255',
  '::1',
  '::1/128',
  '::/0',
  '::/1',
  '8000::/1',
  'fd00::/8',
  'fe80::/10',
  'FD00:0:0:0::/8',
  '2001:db8::/32',
  '2001:db8:8000::/33',
  '2001:db8:0:0:8000::/65',
  '2001:db8::fffe/127',
  '1:2:3:4:5:6:7:8',
  '::ffff:10.1.2.3',
  '::ffff:10.0.0.0/104',
  '::ffff:a00:0/104',
]

for (const field of ['allow', 'deny']) {
  test(`${field} takes addresses and ranges`, () => {
    assert.deepEqual(routeOf({ [field]: good }).policies, {
      clients: [{ level: 'route', rule: { [field]: good } }],
    })
  })
}

const bad: [range: string, message: string][] = [
  ...[
    '',
    ' ',
    '*',
    'any',
    'localhost',
    'example.com',
    '10',
    '10.0.0',
    '10.0.0.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.*',
    '10.0.0.0-10.0.0.9',
    '10.0.0.0/255.0.0.0',
    ' 10.0.0.1',
    '10.0.0.1 ',
    '10.0.0.1,10.0.0.2',
    '10.0.0.1:80',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/128',
    '10.0.0.0/-1',
    '10.0.0.0/8.0',
    '10.0.0.0/ 8',
    '10.0.0.0/+8',
    '10.0.0.0/0x8',
    '10.0.0.0/1e1',
    '10.0.0.0/8/8',
    '10.0.0.0%eth0/8',
    '/8',
    '[::1]',
    '[::1]/128',
    '::/129',
    '::/',
    ':::/8',
    '::1::/64',
    '1:2:3:4:5:6:7:8:9',
    'fe80::12345',
  ].map((range): [string, string] => [
    range,
    `must be an IP address or a CIDR range, not ${JSON.stringify(range)}`,
  ]),
  ['fe80::1%eth0', 'must not have a zone: "fe80::1%eth0"'],
  ['fe80::%eth0/64', 'must not have a zone: "fe80::%eth0/64"'],
  ...[
    ['10.1.2.3', 31],
    ['10.1.2.3', 8],
    ['10.0.0.0', 6],
    ['10.128.0.0', 8],
    ['10.0.0.1', 0],
    ['192.168.1.4', 29],
    ['::1', 127],
    ['::1', 0],
    ['2001:db8::1', 64],
    ['2001:db8:8000::', 32],
    ['fe80::1', 10],
    ['1:2:3:4:5:6:7:8', 64],
    ['1::8', 64],
    // A range of IPv4 with its own length behind the prefix of mapped addresses.
    ['::ffff:10.0.0.0', 8],
    ['::ffff:10.0.0.1', 104],
  ].map(([address, bits]): [string, string] => [
    `${address}/${bits}`,
    `has bits set beyond /${bits}: "${address}/${bits}"`,
  ]),
]

for (const [range, message] of bad) {
  test(`refused in clients: ${JSON.stringify(range)}`, () => {
    assert.equal(reasonOf({ allow: ['10.0.0.0/8', range] }), `$.clients.allow[1]: ${message}`)
    assert.equal(reasonOf({ deny: [range] }), `$.clients.deny[0]: ${message}`)
  })
}

test('of any network, the first address is accepted as a range, and one with any further bit is not', () => {
  const random = seededRandom(1)
  for (let i = 0; i < 1_000; i++) {
    const length = random() < 0.5 ? 32 : 128
    const bits = Math.floor(random() * (length + 1))
    const hostBits = length - bits
    const network = (randomBits(random, length) >> BigInt(hostBits)) << BigInt(hostBits)
    const range = `${write(network, length)}/${bits}`
    assert.ok('route' in parseRule('clients', { deny: [range] }), range)
    if (hostBits === 0) continue
    const bit = 1n << BigInt(Math.floor(random() * hostBits))
    const beside = `${write(network | bit, length)}/${bits}`
    assert.equal(
      reasonOf({ deny: [beside] }),
      `$.clients.deny[0]: has bits set beyond /${bits}: ${JSON.stringify(beside)}`,
    )
  }
})

function randomBits(random: () => number, length: number): bigint {
  let value = 0n
  // Half of the bytes are zero, so that there are runs of them to be written as `::`.
  for (let i = 0; i < length; i += 8) {
    value = (value << 8n) | BigInt(random() < 0.5 ? 0 : Math.floor(random() * 256))
  }
  return value
}

function write(address: bigint, length: number): string {
  const pieces = (size: number) =>
    Array.from({ length: length / size }, (_, i) =>
      BigInt.asUintN(size, address >> BigInt(length - size * (i + 1))),
    )
  if (length === 32) return pieces(8).join('.')
  const groups = pieces(16).map(group => group.toString(16))
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
}

const many = (count: number) => Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`)

const malformed: [clients: unknown, reason: string][] = [
  [true, '$.clients: must be an object such as {"allow": ...} or false, not true'],
  [null, '$.clients: must be an object such as {"allow": ...} or false, not null'],
  [[], '$.clients: must be an object such as {"allow": ...} or false, not a list'],
  [{}, '$.clients: must have allow or deny'],
  [{ enforce: false }, '$.clients: must have allow or deny'],
  [{ allow: [] }, '$.clients.allow: must not be empty'],
  [{ deny: '10.0.0.0/8' }, '$.clients.deny: must be a list, not "10.0.0.0/8"'],
  [{ allow: [1] }, '$.clients.allow[0]: must be a string, not 1'],
  [{ deny: ['::1'], enforce: 'no' }, '$.clients.enforce: must be true or false, not "no"'],
  [{ allow: ['::1'], denny: ['::2'] }, '$.clients.denny: is not a known field (did you mean "deny"?)'],
]

for (const [clients, reason] of malformed) {
  test(`refused: clients ${JSON.stringify(clients)}`, () => assert.equal(reasonOf(clients), reason))
}

test('a list has at most 10,000 ranges', () => {
  routeOf({ deny: many(10_000) })
  assert.match(reasonOf({ deny: many(10_001) }), /^\$\.clients\.deny: .*10000/)
})

test('every problem of a rule is told at once', () => {
  assert.equal(
    reasonOf({ allow: ['10.0.0.1/8'], deny: ['::1', 'x'], enforce: 1 }),
    '$.clients.enforce: must be true or false, not 1; $.clients.allow[0]: has bits set beyond /8: "10.0.0.1/8"; $.clients.deny[1]: must be an IP address or a CIDR range, not "x"',
  )
})

test('an allow of every IPv4 address warns that IPv6 is left out', () => {
  const warning = 'leaves out IPv6: add "::/0" for it'
  assert.deepEqual(routeOf({ allow: ['0.0.0.0/0'] }).warnings, [`$.clients.allow[0] ${warning}`])
  assert.deepEqual(routeOf({ allow: ['10.0.0.0/8', '0.0.0.0/0'] }).warnings, [
    `$.clients.allow[1] ${warning}`,
  ])
  for (const clients of [
    { allow: ['0.0.0.0/0', '::/0'] },
    { allow: ['0.0.0.0/0', 'fd00::/8'] },
    { allow: ['10.0.0.0/8'] },
    { allow: ['::/0'] },
    { deny: ['0.0.0.0/0'] },
  ]) {
    assert.equal(routeOf(clients).warnings, undefined, JSON.stringify(clients))
  }
})

test('the rules of routes.defaults and of the document are both kept, outer first, and false keeps neither', () => {
  const outer = { deny: ['10.6.6.6'] }
  const own = { allow: ['10.0.0.0/8'] }
  assert.deepEqual(routeOf(own, { clients: outer }).policies, {
    clients: [
      { level: 'defaults', rule: outer },
      { level: 'route', rule: own },
    ],
  })
  assert.deepEqual(routeOf(undefined, { clients: outer }).policies, {
    clients: [{ level: 'defaults', rule: outer }],
  })
  assert.equal(routeOf(false, { clients: outer }).policies, undefined)
  assert.equal(routeOf(undefined).policies, undefined)
})

test('routes.defaults and routes.documents of a configuration are read by the same rules', t => {
  const load = (document: object) =>
    loadConfig({ env: {}, cwd: tempFolder(t, { 'waygate.yaml': JSON.stringify(document) }) })
  const { config, warnings } = load({ routes: { defaults: { clients: { allow: ['0.0.0.0/0'] } } } })
  assert.deepEqual(config.routes.defaults.clients, { allow: ['0.0.0.0/0'] })
  assert.deepEqual(warnings, [
    '$.routes.defaults.clients.allow[0] (waygate.yaml:1) leaves out IPv6: add "::/0" for it',
  ])
  const broken = { deny: ['10.0.0.1/8'] }
  const routes = {
    defaults: { clients: broken },
    documents: { a: { path: '/', service: 's', clients: broken } },
  }
  assert.throws(
    () => load({ routes }),
    error => {
      assert.ok(error instanceof ConfigError)
      const message = 'has bits set beyond /8: "10.0.0.1/8"'
      assert.deepEqual(
        error.problems.map(problem => [problem.path, problem.message]),
        [
          ['$.routes.defaults.clients.deny[0]', message],
          ['$.routes.documents.a.clients.deny[0]', message],
        ],
      )
      return true
    },
  )
  assert.throws(() => load({ routes: { defaults: { clients: false } } }), /routes\.defaults\.clients: /)
})
