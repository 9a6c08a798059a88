import type { Choice } from './choice.ts'

const BYTES = '\r\n\t \0:;,=-+"\\0123456789aAfFgxX\x7f\x80\xff'
const NUMBERS = [
  '0',
  '00',
  '1',
  '-1',
  '+1',
  '1.0',
  '1e1',
  '0x1',
  '2, 2',
  ' 3',
  '9007199254740991',
  '9007199254740992',
  '18446744073709551615',
  '18446744073709551616',
  'ffffffffffffffff',
  '10000000000000000',
  '99999999999999999999999',
]
const PIECES = [
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\tchunked\t\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Content-Length: 3\r\n',
  'Content-Length: 0\r\n',
  'Content-Length:\t3\t\r\n',
  'Content-Length : 3\r\n',
  'Content-Length: \r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Connection: upgrade\r\nUpgrade: h2c\r\n',
  'X: a\r\n folded\r\n',
  ': nothing\r\n',
  'no colon\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  'HTTP/1.1 104 Soon\r\nContent-Length: 3\r\n\r\n',
  'HTTP/1.0 200 OK\r\n\r\n',
  'HTTP/2.0 ',
  'HTTP/0.9 ',
  'RTSP/1.0 ',
  'ICE/1.0 ',
  '\r\n',
  '\r\n\r\n',
  '\n\n',
  '0\r\n\r\n',
  '3\r\nabc\r\n',
  ';a=b',
  '; a',
  ' ;a',
]

type Mutation = (choice: Choice, text: string, other: string) => string

const MUTATIONS: readonly Mutation[] = [
  // Changes, inserts or removes bytes.
  (choice, text) => replaceAt(text, choice.below(text.length), 1, byteOf(choice)),
  (choice, text) => replaceAt(text, choice.below(text.length + 1), 0, byteOf(choice)),
  (choice, text) => replaceAt(text, choice.below(text.length), 1, ''),
  (choice, text) => replaceAt(text, choice.below(text.length), 1 + choice.below(40), ''),
  // Truncates.
  (choice, text) => text.slice(0, choice.below(text.length)),
  // Duplicates or moves lines.
  (choice, text) => inLines(text, lines => lines.splice(choice.below(lines.length), 0, choice.of(lines))),
  (choice, text) =>
    inLines(text, lines => {
      const [line = ''] = lines.splice(choice.below(lines.length), 1)
      lines.splice(choice.below(lines.length + 1), 0, line)
    }),
  // Changes line ends.
  (choice, text) =>
    replaceOne(choice, text, /\r\n/g, () => choice.of(['\n', '\r', '\n\r', '\r\r\n', '\r\n\r\n', ''])),
  (_choice, text) => text.replaceAll('\r\n', '\n'),
  // Changes numbers.
  (choice, text) => replaceOne(choice, text, /\d+/g, () => choice.of(NUMBERS)),
  (choice, text) =>
    replaceOne(choice, text, /\d+/g, digits => String(Number(digits) + choice.of([-1, 1, 2]))),
  // Changes letter case and blanks.
  (choice, text) => replaceOne(choice, text, /[a-z]+/gi, word => word.toUpperCase()),
  (choice, text) =>
    replaceOne(choice, text, /[ \t]+|:/g, found => choice.of(['', ' ', '\t', `${found} `, ` ${found}`])),
  // Inserts pieces of attacks and of other answers.
  (choice, text) => replaceOne(choice, text, /\r\n/g, () => `\r\n${choice.of(PIECES)}`),
  (choice, text) => replaceAt(text, choice.below(text.length + 1), 0, choice.of(PIECES)),
  (choice, text, other) => {
    const from = choice.below(other.length)
    const piece = other.slice(from, from + 1 + choice.below(80))
    return replaceAt(text, choice.below(text.length + 1), choice.chance(0.5) ? piece.length : 0, piece)
  },
  (choice, text, other) => text.slice(0, choice.below(text.length)) + other.slice(choice.below(other.length)),
]

/** Large mutations are rare, because they take long to read. */
const LARGE: readonly Mutation[] = [
  (choice, text) =>
    replaceAt(text, choice.below(text.length + 1), 0, byteOf(choice).repeat(4_000 + choice.below(16_000))),
  (choice, text) =>
    replaceOne(choice, text, /\r\n/g, () => `\r\nX: ${'x'.repeat(15_000 + choice.below(3_000))}\r\n`),
  (choice, text) => replaceOne(choice, text, /\r\n/g, () => `\r\n${'a:b\r\n'.repeat(choice.below(5_000))}`),
  (choice, text) => 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(30 + choice.below(5)) + text,
]

/** Changes an answer in one to four places, so that it may no longer be valid. */
export function mutate(choice: Choice, text: string, other: string): string {
  let mutated = text
  for (let left = 1 + choice.below(4); left > 0 && mutated !== ''; left--) {
    mutated = choice.of(choice.chance(0.003) ? LARGE : MUTATIONS)(choice, mutated, other)
  }
  return mutated
}

function byteOf(choice: Choice): string {
  return choice.chance(0.8) ? BYTES[choice.below(BYTES.length)]! : choice.bytes(1)
}

function replaceAt(text: string, at: number, length: number, by: string): string {
  return text.slice(0, at) + by + text.slice(at + length)
}

function replaceOne(choice: Choice, text: string, pattern: RegExp, by: (found: string) => string): string {
  const found = [...text.matchAll(pattern)]
  if (found.length === 0) return text
  const [match, index] = ((each: RegExpExecArray) => [each[0], each.index] as const)(choice.of(found))
  return replaceAt(text, index, match.length, by(match))
}

function inLines(text: string, change: (lines: string[]) => void): string {
  const lines = text.split('\r\n')
  change(lines)
  return lines.join('\r\n')
}
