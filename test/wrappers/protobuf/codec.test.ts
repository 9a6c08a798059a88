import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { FieldDescriptorProto_Type as FieldType, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { createSchema } from '../../../wrappers/descriptors/schema.ts'
import { FieldFault } from '../../../wrappers/protobuf/field-fault.ts'
import { JsonDecoder } from '../../../wrappers/protobuf/json-decoder.ts'
import { JsonEncoder } from '../../../wrappers/protobuf/json-encoder.ts'
import { parseJsonText } from '../../../wrappers/protobuf/json-text.ts'
import { WireFault } from '../../../wrappers/protobuf/wire-reader.ts'
import { decodeKinds, encodeKinds, REFERENCE } from '../../support/kinds.ts'

/** JSON in the form in which it is written, so that it is the same after encoding and decoding. */
const CANONICAL: readonly unknown[] = [
  {},
  {
    aDouble: 1.5,
    aFloat: 0.1,
    anInt32: -2147483648,
    aUint32: 4294967295,
    aSint32: -7,
    aFixed32: 9,
    anSfixed32: -11,
  },
  { aDouble: 'NaN', aFloat: '-Infinity', doubles: [0, -1e300, 5e-324, 'Infinity'] },
  { anInt64: '-9223372036854775808', aUint64: '18446744073709551615', aSint64: '9223372036854775807' },
  {
    aFixed64: '9007199254740993',
    anSfixed64: '-9007199254740993',
    sint64s: ['-1', '0', '4294967296', '-4294967297'],
  },
  {
    aBool: true,
    aString: 'héllo 🎉 \u0000',
    someBytes: '//79',
    color: 'BELOW',
    colors: ['RED', 5, 'COLOR_UNSPECIFIED'],
  },
  { maybeInt32: 0, maybeString: '', int32s: [0, -1, 300], strings: ['', 'a'], unpacked: [1, 0] },
  { child: { child: { child: {} } }, children: [{}, { anInt32: 1 }, {}] },
  {
    labels: { '': '', a: 'b' },
    byNumber: { '-5': {}, '7': { aBool: true } },
    byFlag: { false: 'RED', true: 7 },
  },
  {
    byLong: { '18446744073709551615': 'AA==', '0': '' },
    anyValues: { a: null, b: [1, 'x', { c: true }], d: {} },
  },
  { text: '' },
  { number: 0 },
  { message: {} },
  { nothing: null },
  {
    timestamp: '0001-01-01T00:00:00Z',
    timestamps: ['9999-12-31T23:59:59.999999999Z', '1969-12-31T23:59:59.120Z'],
  },
  { duration: '-1.500s' },
  { duration: '315576000000s' },
  { duration: '0s', mask: '' },
  { mask: 'a,bC.dE', empty: {} },
  {
    structure: { a: null, b: [{}, []], c: { d: 1e21 } },
    dynamic: null,
    dynamics: [null, [], {}, 'x', true, -0.5],
  },
  { any: { '@type': 'type.googleapis.com/kinds.v1.Kinds', child: { any: {} } } },
  { any: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '1s' } },
  {
    wrappedInt32: 0,
    wrappedInt64: '-1',
    wrappedString: '',
    wrappedBool: false,
    wrappedBytes: '',
    wrappedDouble: 'NaN',
  },
  { wrappedStrings: ['', 'a'], '@other': 'o', far: 1 },
  JSON.parse(
    '{"__proto__":"p","labels":{"__proto__":"q","constructor":"r"},"structure":{"__proto__":{"a":1}}}',
  ),
]

function faultOf(json: unknown): string | undefined {
  try {
    encodeKinds(json)
    return undefined
  } catch (error) {
    return (error as FieldFault).text
  }
}

suite('JSON and messages', () => {
  test('are the same as in a library that passes the conformance tests', () => {
    for (const json of CANONICAL) {
      const bytes = encodeKinds(json)
      const name = JSON.stringify(json)
      assert.deepEqual(REFERENCE.inOrder(bytes), REFERENCE.encode(json), name)
      assert.deepEqual(decodeKinds(bytes), json, name)
      assert.deepEqual(decodeKinds(REFERENCE.encode(json)), json, name)
    }
  })

  test('values may be written in other ways', () => {
    const cases: readonly (readonly [unknown, unknown])[] = [
      [
        { an_int32: 5, a_string: 'x' },
        { anInt32: 5, aString: 'x' },
      ],
      [
        { anInt32: '5', aDouble: '1e3', aUint32: 1e3, aFloat: '-0.5' },
        { anInt32: 5, aDouble: 1000, aUint32: 1000, aFloat: -0.5 },
      ],
      [
        { anInt64: 5, aUint64: '1e18', sint64s: [-5, 4294967296] },
        { anInt64: '5', aUint64: '1000000000000000000', sint64s: ['-5', '4294967296'] },
      ],
      [
        { someBytes: '__79', color: 1, colors: ['RED'] },
        { someBytes: '//79', color: 'RED', colors: ['RED'] },
      ],
      [{ someBytes: '_-8' }, { someBytes: '/+8=' }],
      [
        {
          anInt32: null,
          child: null,
          strings: null,
          labels: null,
          text: null,
          timestamp: null,
          wrappedInt32: null,
        },
        {},
      ],
      [{ text: null, number: 1 }, { number: 1 }],
      [{ anInt32: 0, aString: '', someBytes: '', aBool: false, color: 'COLOR_UNSPECIFIED', aDouble: 0 }, {}],
      [{ timestamp: '2024-02-29T01:00:00+02:30' }, { timestamp: '2024-02-28T22:30:00Z' }],
      [{ duration: '1.5s' }, { duration: '1.500s' }],
      [{ duration: '-0.000000001s' }, { duration: '-0.000000001s' }],
    ]
    for (const [given, expected] of cases)
      assert.deepEqual(decodeKinds(encodeKinds(given)), expected, JSON.stringify(given))
  })

  test('a value that is none of its type is refused with the path of its field', () => {
    const cases: readonly (readonly [unknown, string])[] = [
      [5, 'not an object'],
      [[], 'not an object'],
      [{ anInt32: 1.5 }, 'anInt32: not a whole number'],
      [{ anInt32: 'a' }, 'anInt32: not a number'],
      [{ anInt32: ' 1' }, 'anInt32: not a number'],
      [{ anInt32: '0x10' }, 'anInt32: not a number'],
      [{ anInt32: '01' }, 'anInt32: not a number'],
      [{ anInt32: '' }, 'anInt32: not a number'],
      [{ anInt32: true }, 'anInt32: not a number'],
      [{ anInt32: 2147483648 }, 'anInt32: out of range'],
      [{ aUint32: -1 }, 'aUint32: out of range'],
      [{ anInt64: '9223372036854775808' }, 'anInt64: out of range'],
      [{ aUint64: '-1' }, 'aUint64: out of range'],
      [{ anInt64: 0.5 }, 'anInt64: not a whole number'],
      [{ aDouble: 'x' }, 'aDouble: not a number'],
      [{ aDouble: Number.POSITIVE_INFINITY }, 'aDouble: out of range'],
      [{ aFloat: 1e39 }, 'aFloat: out of range'],
      [{ aBool: 'true' }, 'aBool: not true or false'],
      [{ aString: 1 }, 'aString: not a string'],
      [{ aString: '\ud800' }, 'aString: not valid Unicode'],
      [{ someBytes: 'a\nb=' }, 'someBytes: not base64'],
      [{ someBytes: 'abcde' }, 'someBytes: not base64'],
      [{ color: 'GREEN' }, 'color: not a value of kinds.v1.Color'],
      [{ color: 1.5 }, 'color: not a value of kinds.v1.Color'],
      [{ color: 2147483648 }, 'color: out of range'],
      [{ child: { children: [{}, { anInt32: 'x' }] } }, 'child.children[1].anInt32: not a number'],
      [{ strings: 'a' }, 'strings: not an array'],
      [{ strings: ['a', null] }, 'strings[1]: null is not a value'],
      [{ labels: { a: null } }, 'labels["a"]: null is not a value'],
      [{ labels: ['a'] }, 'labels: not an object'],
      [{ byNumber: { x: {} } }, 'byNumber["x"]: the key is not a whole number'],
      [{ byNumber: { '01': {} } }, 'byNumber["01"]: the key is not a whole number'],
      [{ byFlag: { yes: 'RED' } }, 'byFlag["yes"]: the key is not true or false'],
      [{ text: 'a', number: 1 }, 'number: cannot be set beside text'],
      [{ anInt32: 1, an_int32: 1 }, 'anInt32: given twice'],
      [{ nope: 1 }, 'nope: no such field'],
      [{ child: 'x' }, 'child: not an object'],
      [{ timestamp: '2024-02-30T00:00:00Z' }, 'timestamp: not a timestamp'],
      [{ timestamp: '2024-01-01T00:00:00z' }, 'timestamp: not a timestamp'],
      [{ timestamp: '0001-01-01T00:00:00+00:01' }, 'timestamp: out of range'],
      [{ timestamp: 5 }, 'timestamp: not a timestamp'],
      [{ duration: '1' }, 'duration: not a duration such as 1.5s'],
      [{ duration: '1.s' }, 'duration: not a duration such as 1.5s'],
      [{ duration: '315576000001s' }, 'duration: out of range'],
      [{ mask: 'a_b' }, 'mask: not a field mask: names are separated by commas, in camelCase'],
      [{ structure: [] }, 'structure: not an object'],
      [{ any: { a: 1 } }, 'any: "@type" is missing'],
      [{ any: { '@type': 'x/y.Z' } }, 'any: the service has no such "@type"'],
      [{ any: { '@type': 'x/google.protobuf.Duration' } }, 'any: "value" is missing'],
      [{ wrappedInt32: 'x' }, 'wrappedInt32: not a number'],
    ]
    for (const [json, text] of cases) {
      assert.throws(() => encodeKinds(json), FieldFault, text)
      assert.equal(faultOf(json), text)
    }
    const deep = (levels: number): unknown => (levels === 0 ? {} : { child: deep(levels - 1) })
    encodeKinds(deep(63))
    assert.throws(() => encodeKinds(deep(64)), /nested too deep/)
  })

  test('defaults, numbers of enums and names of the .proto file are written when they are asked for', () => {
    const bytes = encodeKinds({ color: 'RED', anInt32: 5 })
    const all = decodeKinds(bytes, { emitsDefaults: true }) as Record<string, unknown>
    assert.deepEqual(all, REFERENCE.decode(bytes, true))
    assert.equal(all.aString, '')
    assert.deepEqual(all.strings, [])
    assert.ok(!('child' in all) && !('maybeInt32' in all) && !('text' in all))
    assert.deepEqual(decodeKinds(bytes, { enums: 'number', names: 'proto' }), { an_int32: 5, color: 1 })
  })
})

suite('bytes of a node', () => {
  test('may come in another order, in parts and with fields that are not known', () => {
    const join = (...parts: readonly unknown[]): Buffer => Buffer.concat(parts.map(part => encodeKinds(part)))
    const cases: readonly Buffer[] = [
      join({ anInt32: 5 }, { anInt32: 6 }),
      join({ anInt32: 5 }, { text: 'a' }, { number: 7 }),
      join({ child: { anInt32: 5, strings: ['a'] } }, { child: { aBool: true, strings: ['b'] } }),
      join({ labels: { a: 'b' } }, { labels: { a: 'c', d: 'e' } }),
      join({ int32s: [1] }, { int32s: [2, 3] }),
      // An element of a packed list that is not packed, and a packed list of a field that is not.
      Buffer.concat([
        encodeKinds({ int32s: [1] }),
        Buffer.from([0xa0, 0x01, 0x05]),
        Buffer.from([0xd2, 0x01, 0x02, 1, 2]),
      ]),
      // Field 100 as each of the wire types, and a group in a group.
      Buffer.from([
        0xa0, 6, 1, 0xa1, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xa2, 6, 1, 9, 0xa5, 6, 1, 2, 3, 4, 0xa3, 6, 0x0b, 0x0c,
        0xa4, 6,
      ]),
      // An int32 that was an int64 and is too long, and a bool of several bytes.
      Buffer.from([0x18, 0x80, 0x80, 0x80, 0x80, 0x10, 0x68, 0x80, 0x01]),
    ]
    for (const bytes of cases)
      assert.deepEqual(decodeKinds(bytes), REFERENCE.decode(bytes), bytes.toString('hex'))
  })

  test('that are no message are refused, wherever they are cut', () => {
    const whole = encodeKinds({
      aString: 'abc',
      child: { int32s: [1, 2, 300] },
      timestamp: '2024-01-01T00:00:00.5Z',
      aDouble: 1,
    })
    let refused = 0
    for (let end = 0; end < whole.length; end++) {
      try {
        decodeKinds(whole.subarray(0, end))
      } catch (error) {
        assert.ok(error instanceof WireFault)
        refused++
      }
    }
    assert.ok(refused > whole.length / 2)
    for (const hex of ['00', '0f', '0e', 'ff', '72ffffffff0f', '080', '3b', '18ffffffffffffffffffff01']) {
      assert.throws(() => decodeKinds(Buffer.from(hex, 'hex')), WireFault, hex)
    }
    let nested: Buffer = Buffer.alloc(0)
    for (let i = 0; i < 1_000; i++) {
      const length = nested.length
      const size = length < 128 ? [length] : [(length & 127) | 128, length >> 7]
      nested = Buffer.concat([Buffer.from([0x8a, 0x01, ...size]), nested])
    }
    assert.throws(() => decodeKinds(nested), WireFault)
    assert.throws(() => decodeKinds(Buffer.alloc(100_000, 0x0b)), WireFault)
  })

  test('that reach beyond the end of their message are refused, whatever its type', () => {
    const inner: Readonly<Record<string, readonly number[]>> = {
      'child 17': [0x18, 5],
      'int32s 20': [0x85, 1],
      'labels 30': [0x0a, 1, 0x61],
      'timestamp 50': [0x08, 5],
      'duration 51': [0x10, 5],
      'mask 52': [0x0a, 1, 0x61],
      'structure 53': [0x0a, 0],
      'dynamic 54': [0x20, 1],
      'dynamics 55': [0x0a, 2, 0x20, 1],
      'any 56': [0x0a, 3, 0x61, 0x2f, 0x62],
      'wrapped_int32 60': [0x08, 5],
      'wrapped_string 62': [0x0a, 1, 0x61],
      'wrapped_double 65': [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
      'timestamps 67': [0x08, 5],
    }
    for (const [name, bytes] of Object.entries(inner)) {
      const tag = Number(name.split(' ')[1]) * 8 + 2
      const field = (length: number): Buffer =>
        Buffer.from([...(tag < 128 ? [tag] : [(tag & 127) | 128, tag >> 7]), length, ...bytes])
      // What is cut off is there, behind the end of the message.
      for (let length = 1; length < bytes.length; length++) {
        assert.throws(() => decodeKinds(field(length)), WireFault, `${name}, ${length} bytes`)
      }
      decodeKinds(field(bytes.length))
    }
    // In an Any of a known type, and in a list of dynamic values.
    const any = encodeKinds({ any: { '@type': 'x/google.protobuf.Int32Value', value: 5 } })
    const cut = Buffer.concat([any.subarray(0, -3), Buffer.from([1, 0x08, 0x05])])
    assert.throws(() => decodeKinds(cut), WireFault)
    assert.throws(() => decodeKinds(Buffer.from([0xba, 0x03, 3, 0x0a, 1, 0x20, 1])), WireFault)
  })

  test('become no more JSON than they may', () => {
    const many = (count: number, value: unknown): unknown[] => Array.from({ length: count }, () => value)
    const entries = (count: number): unknown =>
      Object.fromEntries(many(count, '').map((v, i) => [`k${i}`, v]))
    const maxJsonBytes = 10_000
    const cases: readonly (readonly [
      count: number,
      make: (count: number) => unknown,
      emitsDefaults?: true,
    ])[] = [
      [120, count => ({ children: many(count, {}) })],
      [5, count => ({ children: many(count, {}) }), true],
      [5, count => ({ any: { '@type': 'x/kinds.v1.Kinds', children: many(count, {}) } }), true],
      [350, count => ({ colors: many(count, 'COLOR_UNSPECIFIED') })],
      [110, count => ({ labels: entries(count) })],
      [70, count => ({ structure: entries(count) })],
      [300, count => ({ dynamics: many(count, []) })],
      [50, count => ({ children: many(count, { labels: { a: '' } }) })],
      [1_200, count => ({ int32s: many(count, 5) })],
    ]
    for (const [count, make, emitsDefaults = false] of cases) {
      const decode = (size: number) => decodeKinds(encodeKinds(make(size)), { emitsDefaults, maxJsonBytes })
      decode(Math.floor(count / 2))
      assert.throws(() => decode(count * 2), /the message is too large as JSON/, JSON.stringify(make(1)))
    }
    const part = encodeKinds({ child: {} })
    const parts = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => part))
    decodeKinds(parts(10), { emitsDefaults: true, maxJsonBytes })
    assert.throws(() => decodeKinds(parts(50), { emitsDefaults: true, maxJsonBytes }), /too large as JSON/)
    // A list of small objects that is as long as messages may be by default.
    const points = encodeKinds({ children: many(500_000, { anInt32: 1, aSint32: 2 }) })
    const { children } = decodeKinds(points) as { children: unknown[] }
    assert.equal(children.length, 500_000)
  })

  test('of an Any of an unknown type stay in base64', () => {
    const bytes = Buffer.concat([
      Buffer.from([0xc2, 0x03, 0x08, 0x0a, 0x03]),
      Buffer.from('a/b'),
      Buffer.from([0x12, 0x01, 0x7f]),
    ])
    assert.deepEqual(decodeKinds(bytes), { any: { '@type': 'a/b', value: 'fw==' } })
  })
})

suite('a JSON text', () => {
  const parse = (text: string): unknown => parseJsonText(Buffer.from(text))

  test('keeps whole numbers that a double cannot hold', () => {
    assert.deepEqual(
      parse(
        '{"a":9007199254740993,"b":[-12345678901234567890],"c":"9007199254740993","d":0.1234567890123456789}',
      ),
      {
        a: 9007199254740993n,
        b: [-12345678901234567890n],
        c: '9007199254740993',
        d: 0.12345678901234568,
      },
    )
    assert.deepEqual(
      decodeKinds(encodeKinds(parse('{"anInt64":9223372036854775807,"aDouble":9007199254740993}'))),
      {
        anInt64: '9223372036854775807',
        aDouble: 9007199254740992,
      },
    )
  })

  test('with one long number is read no other way than without', () => {
    const long = 12345678901234567890n
    const texts = [
      '{}',
      '[]',
      '"a\\"1"',
      '"1234567890123456"',
      '1.2345678901234567',
      '-0',
      '1e3',
      'null',
      '"\u00e9"',
    ]
    for (const text of [...texts, '{"__proto__":{"a":[1,-2]}}', '{"a":" ,1234567890123456789,"}', '123e5']) {
      assert.deepEqual(parse(`[${text},\n${long}\t]`), [JSON.parse(text), long], text)
      assert.deepEqual(parse(`{"b":${long},"a":${text}}`), { b: long, a: JSON.parse(text) }, text)
    }
    assert.equal(parse(`${long}`), long)
    assert.equal(parse('-9007199254740993'), -9007199254740993n)
    assert.deepEqual(parse('[9007199254740991,1e400,123456789012345678901]'), [
      9007199254740991,
      Number.POSITIVE_INFINITY,
      Number('123456789012345678901'),
    ])
    assert.deepEqual(
      parse(`{"__proto__":${long}}`),
      JSON.parse('{"__proto__":0}', (_, v) => (v === 0 ? long : v)),
    )
    const wrong = [
      '0NUM',
      '1-NUM',
      '{NUM:1}',
      '{ NUM :1}',
      '[1 NUM]',
      '"a" NUM',
      'NUM.',
      '.NUM',
      'eNUM',
      '--NUM',
      '+NUM',
    ]
    for (const text of wrong) assert.throws(() => parse(text.replace('NUM', `${long}`)), /not JSON/, text)
  })

  test('is refused when it is none, is nested too deep or is not UTF-8', () => {
    for (const text of ['', '{', '{"a":1}x', "{'a':1}", '{"a":01}', 'NaN', '\ufeff{}']) {
      assert.throws(() => parse(text), /not JSON/, text)
    }
    assert.throws(() => parseJsonText(Buffer.from([0x22, 0xff, 0x22])), /not UTF-8/)
    assert.throws(() => parse('['.repeat(10_000_000)), /more than 64 deep/)
    assert.throws(() => parse(`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`), /more than 64 deep/)
    parse(`${'['.repeat(64)}${']'.repeat(64)}`)
    // Brackets in texts do not count, whatever stands before their quotes.
    parse(JSON.stringify({ a: '['.repeat(100), b: '\\', c: '"'.repeat(3), d: '\\"['.repeat(40) }))
    assert.deepEqual(parse('{"a":1,"a":2}'), { a: 2 })
  })
})

test('a type with very many fields takes no more than their number, in one oneof or of one enum', () => {
  const count = 20_000
  const field = (i: number, more: object) => ({ name: `f${i}`, number: i + 1, ...more })
  const numbers = Array.from({ length: count }, (_, i) => i)
  const schema = createSchema([
    create(FileDescriptorProtoSchema, {
      ...{ name: 'a.proto', syntax: 'proto3' },
      enumType: [{ name: 'E', value: numbers.map(i => ({ name: `v${i}`, number: i })) }],
      messageType: [
        { name: 'Enums', field: numbers.map(i => field(i, { typeName: 'E' })) },
        {
          name: 'Texts',
          oneofDecl: [{ name: 'o' }],
          field: numbers.map(i => field(i, { type: FieldType.STRING, oneofIndex: 0 })),
        },
      ],
    }),
  ])
  const typeNamed = (name: string) => schema.types.getMessage(name)
  const encoder = new JsonEncoder({ typeNamed })
  const decoder = new JsonDecoder({ typeNamed })
  for (const [name, json] of [
    ['Enums', { f7: 'v9', f19999: 'v19999' }],
    ['Texts', { f7: 'x' }],
  ] as const) {
    const desc = typeNamed(name)!
    const bytes = encoder.encode(desc, json).subarray(5)
    assert.deepEqual(decoder.decode(desc, bytes), json)
  }
  // Of two fields in the bytes, the last one counts.
  const both = ['a', 'b'].map((text, i) =>
    encoder.encode(typeNamed('Texts')!, { [`f${i}`]: text }).subarray(5),
  )
  assert.deepEqual(decoder.decode(typeNamed('Texts')!, Buffer.concat(both)), { f1: 'b' })
})

test('a second that is repeated is written once: a message may have a million empty timestamps', t => {
  const second = '2024-02-29T23:59:59'
  const bytes = encodeKinds({
    timestamps: [...Array.from({ length: 100 }, () => `${second}Z`), `${second}.120Z`],
  })
  const toIso = t.mock.method(Date.prototype, 'toISOString')
  const { timestamps } = decodeKinds(bytes) as { readonly timestamps: readonly string[] }
  assert.deepEqual([...new Set(timestamps)], [`${second}Z`, `${second}.120Z`])
  assert.ok(toIso.mock.callCount() <= 1, `${toIso.mock.callCount()} dates`)
})
