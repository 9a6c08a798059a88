import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { FieldFault } from '../../../wrappers/protobuf/field-fault.ts'
import { WireFault } from '../../../wrappers/protobuf/wire-reader.ts'
import { decodeKinds, encodeKinds, REFERENCE } from '../../support/kinds.ts'
import { seededRandom } from '../../support/random.ts'

const ROUNDS = 5_000
/** Without a float, whose digits the other library does not shorten. */
const SEEDS = [
  {
    aDouble: 1.5,
    anInt32: -5,
    anInt64: '-92233720368547758',
    aUint64: '18446744073709551615',
    aSint64: '-1234567890123',
  },
  {
    aFixed32: 9,
    aFixed64: '10',
    aBool: true,
    aString: 'hey',
    someBytes: 'AAEC',
    color: 'BELOW',
    maybeInt32: 0,
  },
  {
    child: { anInt32: 300, children: [{}, { aString: 'x' }] },
    int32s: [1, -2],
    strings: ['a', ''],
    unpacked: [1, 2],
  },
  {
    labels: { a: 'b', c: 'd' },
    byNumber: { '-1': {}, '5': { aBool: true } },
    byLong: { '18446744073': 'AA==' },
  },
  {
    timestamp: '2024-02-29T23:59:59.120Z',
    duration: '-1.500s',
    mask: 'aB,c.dE',
    structure: { b: { c: null } },
  },
  {
    any: { '@type': 'type.googleapis.com/kinds.v1.Kinds', anInt32: 4 },
    wrappedInt64: '5',
    wrappedBool: false,
    far: 1,
  },
]

/** What stands in the place of a value in a seed. */
const VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    0,
    -0,
    1,
    -1,
    1.5,
    1e20,
    -1e-7,
    2147483648,
    4294967296,
    '',
    '0',
    '-1',
    '1e3',
    '1.0',
    '01',
    ' 1',
  ],
  ...[
    '0x10',
    '9223372036854775808',
    '18446744073709551615',
    'NaN',
    'Infinity',
    '-0',
    'RED',
    'GREEN',
    'AA',
    '_-8',
    'A',
  ],
  ...[
    '2024-01-01T00:00:00Z',
    '2024-02-30T00:00:00Z',
    '0001-01-01T00:00:00-00:01',
    '1s',
    '-0.5s',
    '1.s',
    'a,bC',
    'a_b',
  ],
  ...[
    '\u{1f389}',
    '__proto__',
    {},
    [],
    [null],
    [[]],
    { a: null },
    { a: 'b' },
    { '@type': 'type.googleapis.com/google.protobuf.Empty' },
  ],
]

test('JSON of clients with mistakes is refused, or means what it means to another library', () => {
  // That library reads texts of numbers that are none in JSON, such as 0x10, days that do not exist, and any text as a
  // mask. It refuses numbers of 64 bits that are written with a point or an exponent.
  const differs = (name: string) =>
    /[:[,]"(?: 1|01|0x10|2024-02-30T00:00:00Z|1e3|1\.0)"|"mask":"(?!aB,c.dE")/.test(name)
  const random = seededRandom(8)
  const pick = (below: number): number => Math.floor(random() * below)
  let both = 0
  for (let round = 0; round < ROUNDS; round++) {
    const json = structuredClone(SEEDS[pick(SEEDS.length)]!)
    replaceOne(json, VALUES[pick(VALUES.length)], pick)
    const ours = attempt(() => encodeKinds(json))
    const theirs = attempt(() => REFERENCE.encode(json))
    const name = JSON.stringify(json)
    assert.ok(ours.error === undefined || ours.error instanceof FieldFault, `${name}: ${ours.error}`)
    if (!ours.error && !theirs.error) {
      both++
      assert.deepEqual(REFERENCE.inOrder(ours.value as Buffer), theirs.value, name)
    } else if (!differs(name))
      assert.ok(ours.error && theirs.error, `${name}: ${ours.error}, ${theirs.error}`)
  }
  assert.ok(both > ROUNDS / 10)
})

/** Puts a value in the place of another one, somewhere in a JSON value. */
function replaceOne(json: object, value: unknown, pick: (below: number) => number): void {
  const members = json as Record<string, unknown>
  const keys = Object.keys(members)
  const key = keys[pick(keys.length)]
  if (key === undefined) return
  const member = members[key]
  if (typeof member === 'object' && member !== null && pick(3) > 0) replaceOne(member, value, pick)
  else members[key] = value
}

test('bytes of nodes with mistakes are refused, or mean what they mean to another library', () => {
  // That library reads a field whose wire type is not that of its type. Such a field is unknown here.
  let differing = 0
  const random = seededRandom(7)
  const pick = (below: number): number => Math.floor(random() * below)
  const seeds = SEEDS.map(encodeKinds)
  let both = 0
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = mutate(Buffer.from(seeds[pick(seeds.length)]!), pick)
    const emitsDefaults = round % 2 === 1
    const ours = attempt(() => decodeKinds(bytes, { emitsDefaults }))
    const theirs = attempt(() => REFERENCE.decode(bytes, emitsDefaults))
    assert.ok(ours.error === undefined || ours.error instanceof WireFault, String(ours.error))
    if (ours.error || theirs.error || (ours.value as { aFloat?: number }).aFloat) continue
    both++
    if (!isDeepStrictEqual(ours.value, theirs.value)) differing++
  }
  assert.ok(both > ROUNDS / 10)
  assert.ok(differing < both / 50, `${differing} of ${both} differ`)
})

function mutate(bytes: Buffer, pick: (below: number) => number): Buffer {
  const at = pick(bytes.length)
  switch (pick(4)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
    case 1:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([pick(256)]), bytes.subarray(at)])
    case 2:
      return bytes.subarray(0, at)
    default:
      bytes[at] = pick(256)
      return bytes
  }
}

function attempt(run: () => unknown): { readonly value?: unknown; readonly error?: unknown } {
  try {
    return { value: run() }
  } catch (error) {
    return { error }
  }
}
