/** A key and a value of which at least one is invalid, so it must not be used. Strings are written as UTF-8. */
export interface Malformed {
  readonly key: string | Buffer
  readonly value: string | Buffer
}

const GOOD = { ip: '127.0.0.1', port: 9 }
const DEPTH = 100_000

const json = (fields: object) => JSON.stringify({ ...GOOD, ...fields })
/** Puts `fields` in verbatim, where JSON.stringify would write something else. */
const raw = (fields: string) => `{"ip":"127.0.0.1",${fields}}`
const nested = (open: string, middle: string, close: string) =>
  open.repeat(DEPTH) + middle + close.repeat(DEPTH)

const notJson = [
  '',
  ' ',
  '\n',
  '\u0000',
  '{',
  '{"ip":',
  '{"ip":"127.0.0.1","port":9',
  "{'ip':'127.0.0.1','port':9}",
  '{"ip":"127.0.0.1","port":9,}',
  '{"ip":"127.0.0.1" "port":9}',
  '{} {}',
  `\ufeff\ufeff${json({})}`,
  'undefined',
  'null',
  'true',
  '-1',
  '"text"',
  '[]',
  `[${json({})}]`,
  raw('"port":NaN'),
  raw('"port":Infinity'),
  raw('"port":0x50'),
  raw('"port":09'),
  nested('[', '1', ']'),
  nested('{"a":', '1', '}'),
  nested('[', '', ''),
  Buffer.from([0xff, 0xfe, 0x00, 0x01]),
  Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
  Buffer.alloc(1_000, 0x80),
]

const addresses = [
  '127.0.0.1',
  '127.0.0.1:',
  ':9',
  '127.0.0.1:0',
  '127.0.0.1:70000',
  '127.0.0.1:-1',
  '127.0.0.1:1e9',
  '127.0.0.1:NaN',
  '127.0.0.1:9 127.0.0.1:10',
  '127.0.0.1:9,127.0.0.1:10',
  '[::1:9',
  '::1:9',
  'user:secret@127.0.0.1:9',
  '127.0.0.1:9/path',
  '169.254.169.254:80',
  '0.0.0.0:9',
  '224.0.0.1:9',
  '[fe80::1]:9',
  '127.0.0\u00001:9',
]

const hosts = [
  1,
  null,
  true,
  {},
  [],
  ['127.0.0.1'],
  '',
  ' ',
  'a b',
  'http://127.0.0.1',
  'user@127.0.0.1',
  '127.0.0.256',
  '0.0.0.0',
  '255.255.255.255',
  '239.1.2.3',
  '169.254.169.254',
  'fe80::1',
  'ff02::1',
  '::',
  '::ffff:169.254.169.254',
  ':::',
  '2130706433',
  '0x7f.1',
  'a..b',
  '-a',
  'a\nb',
  'a\u0000b',
  'a'.repeat(300),
].map(ip => json({ ip }))

const ports = [0, -1, 70_000, 65_536, 1e9, 1.5, '9', '', null, true, [], {}].map(port => json({ port }))
const weights = [-1, 1e9, 65_536, 0.5, '1', null, true, [], {}].map(weight => json({ weight }))
const unwritable = [
  raw('"port":1e400'),
  raw('"port":9,"weight":1e400'),
  raw('"port":9,"weight":-1e400'),
  raw('"port":9,"metadata":{"__proto__":"x"}'),
  raw('"port":9,"port":9'),
  raw('"port":9,"\\u0070ort":9'),
  raw(`"port":9,"metadata":{"a":${nested('[', '', ']')}}`),
  raw('"port":9,"metadata":{"a":{"b":1}}'),
]
const others = [
  { id: 1 },
  { id: {} },
  { id: '' },
  { id: 'another' },
  { id: '__proto__' },
  { service: 'trio' },
  { service: 1 },
  { name: 'trio' },
  { host: '127.0.0.2' },
  { metadata: 1 },
  { metadata: 'x' },
  { metadata: [] },
  { metadata: { a: [] } },
  { metadata: { a: null } },
].map(json)
const services = [
  { nodes: 1 },
  { nodes: 'none' },
  { nodes: {} },
  { nodes: [1] },
  { nodes: [null] },
  { nodes: [{}] },
  { nodes: [{ ...GOOD, port: 0 }] },
  { nodes: [GOOD, { ...GOOD, port: -1 }] },
  {
    nodes: [
      { id: 'twice', ...GOOD },
      { id: 'twice', ...GOOD, port: 10 },
    ],
  },
  { name: 'trio', nodes: [GOOD] },
  { name: 1, nodes: [GOOD] },
].map(value => JSON.stringify(value))

const nodeKeys = [
  '',
  'one-segment',
  '/no-service',
  'no-id/',
  '__proto__/a',
  'constructor/a',
  'prototype/a',
  'svc/__proto__',
  'svc/constructor',
  'svc/prototype',
  'a service/a',
  'svc/an id',
  'svc/\u0001',
  'svc/\u007f',
  'svc/a\nb',
  's\tvc/a',
  's\u0000vc/a',
  'svc/\u202e',
  'dienst\u00e4/a',
  'svc/\ud83d\ude00',
  '.hidden/a',
  'svc/.hidden',
  '-dash/a',
  `${'s'.repeat(300)}/a`,
  `svc/${'i'.repeat(300)}`,
  `svc/${'i'.repeat(5_000)}`,
].map(path => `/services/${path}`)

const binaryKeys = ['ff', '7376632fff', '7376632f00ff', 'c328', '7376632fc0af'].map(hex =>
  Buffer.concat([Buffer.from('/services/'), Buffer.from(hex, 'hex')]),
)

const route = (fields: object) => JSON.stringify({ path: '/good/*', service: 'solo', ...fields })

const documents = [
  '',
  '{',
  'path: /a',
  'null',
  '[]',
  '"/a"',
  '{}',
  '{"path":"/a"}',
  '{"service":"solo"}',
  '{"path":"/a","service":"solo","__proto__":{"auth":"none"}}',
  nested('[', '1', ']'),
  `{"path":"/a","service":"solo","auth":${nested('{"jwt":', '1', '}')}}`,
  Buffer.from([0xff, 0xfe]),
  ...[
    1,
    null,
    {},
    '',
    'a',
    '//',
    '/a/*/b',
    '/**',
    '/:',
    '/a?b',
    '/a#b',
    '/a b',
    '/%2f',
    '/\u0000',
    '/../a',
  ].map(path => route({ path })),
  ...[1, null, '', 'a b', '__proto__', '/', 's'.repeat(300)].map(service => route({ service })),
  ...['GET', [1], ['CONNECT'], ['TRACE'], ['G T'], [''], {}].map(methods => route({ methods })),
  ...['x', [1], [''], ['a b'], ['*'], ['http://a']].map(names => route({ hosts: names })),
  ...[
    'basic',
    1,
    null,
    {},
    { jwt: 1 },
    { jwt: { scopes: 1 } },
    { jwt: { scopes: [1] } },
    { jwt: { x: [] } },
  ].map(auth => route({ auth })),
  ...[0, -1, 1.5, '5', null, 1e12].map(timeoutMs => route({ timeoutMs })),
  ...[-1, 1.5, 'x', 1e9].map(retries => route({ retries })),
  ...['no-such-balancer', 1, {}].map(balancer => route({ balancer })),
  ...['x', 1.5, {}].map(priority => route({ priority })),
  ...['/elsewhere', 'good', 1].map(stripPrefix => route({ stripPrefix })),
  ...[1, {}, { service: 'solo' }, { status: 99 }, { status: 200, headers: { 'a b': 'x' } }].map(fallback =>
    route({ fallback }),
  ),
  route({ unknown: 1 }),
  '{"path":"/good/*","service":"solo","auth":"jwt","auth":"none"}',
  '{"path":"/a","service":"solo","path":"/good/*"}',
  '{"path":"/good/*","service":"solo","timeoutMs":5,"timeout\\u004ds":5}',
]

const routeKeys = ['', 'an id', 'a/b', '\u0001', 'a\nb', '\ud83d\ude00', 'r'.repeat(300)].map(
  id => `/waygate/routes/${id}`,
)

/** Makes values of `bytes` bytes, which exceed the limit: text, a node, a document. */
function tooLarge(bytes: number): readonly Malformed[] {
  const text = 'x'.repeat(bytes)
  return [
    { key: '/services/large/text', value: text },
    { key: '/services/large/node', value: json({ metadata: { text } }) },
    { key: '/waygate/routes/large', value: route({ path: `/${text}` }) },
  ]
}

/** Returns all of them, each under its own key. The largest values have `largestBytes` bytes, more than 1 MiB. */
export function malformedValues(largestBytes: number): readonly Malformed[] {
  return [...malformed, ...tooLarge(largestBytes)]
}

const malformed: readonly Malformed[] = [
  ...[...notJson, ...addresses, ...hosts, ...ports, ...weights, ...unwritable, ...others, ...services].map(
    (value, index) => ({ key: `/services/bad-${index % 7}/v${index}`, value }),
  ),
  ...[...nodeKeys, ...binaryKeys].map(key => ({ key, value: json({}) })),
  ...documents.map((value, index) => ({ key: `/waygate/routes/bad-${index}`, value })),
  ...routeKeys.map(key => ({ key, value: route({}) })),
  { key: Buffer.from('2f776179676174652f726f757465732fff', 'hex'), value: route({}) },
  // The first key with this id is used.
  { key: '/services/shared-id/second', value: JSON.stringify({ nodes: [{ id: 'same', ...GOOD }] }) },
]

/** The valid entry whose id one of the malformed ones repeats. */
export const firstOfItsId = {
  key: '/services/shared-id/first',
  value: JSON.stringify({ nodes: [{ id: 'same', ...GOOD }] }),
}
