/** Words that parsers treat specially. */
const WORDS: readonly string[] = [
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'null',
    'NaN',
    'Infinity',
    'true',
    '-1',
    '1e9',
    '0',
  ],
  ...[
    '65536',
    '70000',
    '9'.repeat(400),
    '/',
    '//',
    '@',
    ':',
    '%',
    '%00',
    '%zz',
    '&',
    '=',
    '?',
    '#',
    '\u0000',
    '\n',
  ],
  ...[
    '\ud800',
    '\ufeff',
    '"',
    '\\',
    '\\u0000',
    '{',
    '}',
    '[',
    ']',
    '{}',
    '[]',
    '[[[[',
    'tcp@',
    'http://',
    'unix@/tmp/x',
  ],
  ...[
    '169.254.169.254',
    '[::1]',
    '::',
    'weight=',
    'state=inactive',
    'nodes',
    'endpoints',
    'Op',
    'Addr',
    'a'.repeat(2_000),
  ],
]
const THINGS: readonly unknown[] = [
  ...[
    null,
    true,
    0,
    -1,
    1,
    1.5,
    1e9,
    65_536,
    '',
    ' ',
    'x',
    '__proto__',
    [],
    {},
    [null],
    [[]],
    [{}],
    { a: 1 },
  ],
  ...['10.0.0.7:80', 'http://10.0.0.7:80', [['x']], { weight: '-1' }, { weight: 'NaN' }, { protocol: 'a b' }],
]

/** Damages texts, in the same way for the same seed (mulberry32). */
export function createMutator(seed: number) {
  let state = seed >>> 0
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number): number => Math.floor(random() * limit)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
  const chance = (share: number): boolean => random() < share

  /** Makes up to three edits: cuts, doubles or overwrites characters, or inserts a word. */
  function text(input: string): string {
    let output = input
    for (let edits = 1 + below(3); edits > 0; edits -= 1) {
      const from = below(output.length + 1)
      const to = from + below(Math.min(12, output.length - from + 1))
      const middle = pick([
        '',
        output.slice(from, to).repeat(2),
        String.fromCharCode(below(chance(0.5) ? 128 : 65_536)),
        pick(WORDS),
      ])
      output = output.slice(0, from) + middle + output.slice(to)
    }
    return output
  }

  /** Changes, removes or renames one field at any depth. */
  function field(input: unknown): unknown {
    if (typeof input !== 'object' || input === null || chance(0.15)) return pick(THINGS)
    const entries = Object.entries(input)
    const at = below(entries.length)
    const [name, inner] = entries[at] ?? [pick(WORDS), null]
    const edited = chance(0.1) ? [] : [[chance(0.1) ? pick(WORDS) : name, field(inner)] as const]
    const all = [...entries.slice(0, at), ...edited, ...entries.slice(at + 1)]
    return Array.isArray(input) ? all.map(([, item]) => item) : Object.fromEntries(all)
  }

  /** Damages a value like {@link text}, or like {@link field} if it is JSON. */
  function value(input: string): string {
    return input.startsWith('{') && chance(0.7) ? JSON.stringify(field(JSON.parse(input))) : text(input)
  }

  return { pick, chance, text, value }
}
