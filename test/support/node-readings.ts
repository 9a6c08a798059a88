import type { Choice } from '../fuzz/choice.ts'

/** One thing that a server does with a path. Paths are bytes, as latin1. */
type Step = (path: string) => string

const decode: Step = path =>
  path.replace(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
const decodeButSlash: Step = path =>
  path.replace(/%(?!2f)([0-9A-Fa-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
const perSegment =
  (change: Step): Step =>
  path =>
    path.split('/').map(change).join('/')
const dropParameters = perSegment(segment => segment.split(';')[0]!)
const trim = perSegment(segment =>
  segment === '.' || segment === '..' ? segment : segment.slice(0, endOf(segment)),
)
function endOf(segment: string): number {
  let end = segment.length
  while (end > 0 && '\t\n\v\f\r\x1c\x1d\x1e\x1f .\x85\xa0'.includes(segment[end - 1]!)) end--
  return end
}
const mergeSlashes: Step = path => path.replace(/\/+/g, '/')
const turnBackslashes: Step = path => path.replaceAll('\\', '/')
const cutQuery: Step = path => path.split(/[?#]/)[0]!
const cutAtNul: Step = path => path.split('\0')[0]!
const lower: Step = path => path.toLowerCase()
const dropTrailingSlash: Step = path => (path.length > 1 ? path.replace(/\/$/, '') : path)
const resolveDots: Step = path => {
  const kept: string[] = []
  const segments = path.split('/').slice(1)
  for (const [index, segment] of segments.entries()) {
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
    if (index === segments.length - 1 && (segment === '..' || segment === '.')) kept.push('')
  }
  return `/${kept.join('/')}`
}
/** Reads two bytes where one would do, as decoders did before RFC 3629. */
const readOverlong: Step = path =>
  path.replace(/[\xc0\xc1][\x80-\xbf]/g, pair =>
    String.fromCharCode(((pair.charCodeAt(0) & 1) << 6) | (pair.charCodeAt(1) & 63)),
  )
/** Normalises the text behind the bytes, and folds its case too. */
const readUnicode: Step = path => {
  const text = Buffer.from(path, 'latin1').toString('utf8').normalize('NFKC').toLowerCase()
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** How a node reads the paths that it receives. */
export interface NodeModel {
  readonly name: string
  readonly steps: readonly Step[]
  /** Whether it compares paths without regard to case. */
  readonly foldsCase: boolean
}

const model = (name: string, ...steps: readonly Step[]): NodeModel => ({
  name,
  steps,
  foldsCase: steps.includes(lower) || steps.includes(readUnicode),
})

/** Models of servers, and of servers behind careless proxies. */
export const NODE_MODELS: readonly NodeModel[] = [
  model('byte for byte'),
  model('decodes', decode),
  model('nginx', decode, mergeSlashes, resolveDots),
  model('Apache httpd', decodeButSlash, mergeSlashes, resolveDots),
  model('Tomcat', dropParameters, decode, mergeSlashes, resolveDots),
  model('a parameter reader that decodes first', decode, dropParameters, mergeSlashes, resolveDots),
  model('IIS', decode, turnBackslashes, trim, mergeSlashes, resolveDots, lower),
  model('Express', lower, dropTrailingSlash),
  model('Express with decoded paths', decodeButSlash, lower, dropTrailingSlash),
  model('trims', decode, trim, mergeSlashes),
  model('a trailing slash means nothing', decode, mergeSlashes, dropTrailingSlash),
  model('decodes twice', decode, decode, mergeSlashes, resolveDots),
  model('decodes twice, resolves nothing', decode, decode, mergeSlashes),
  model('resolves before it decodes again', decode, mergeSlashes, resolveDots, decode, mergeSlashes),
  model('reads C strings', decode, cutAtNul),
  model('reads C strings behind a decoder', decode, decode, cutAtNul, mergeSlashes),
  model('takes a decoded ? for the query', decode, cutQuery, mergeSlashes),
  model('an old UTF-8 decoder', decode, readOverlong, mergeSlashes, resolveDots),
  model('normalises Unicode', decode, readUnicode, mergeSlashes, resolveDots),
  model('backslashes', decode, turnBackslashes, mergeSlashes, resolveDots),
  model(
    'everything at once',
    ...[decode, decode, readOverlong, readUnicode, cutAtNul, cutQuery, turnBackslashes, dropParameters],
    ...[trim, mergeSlashes, resolveDots, lower, dropTrailingSlash],
  ),
]

/** Makes a model that takes some of all steps. */
export function makeModel(choice: Choice): NodeModel {
  const all = [decode, decode, readOverlong, readUnicode, cutAtNul, cutQuery, turnBackslashes, dropParameters]
  const steps = [...all, trim, mergeSlashes, resolveDots, lower, dropTrailingSlash].filter(() =>
    choice.chance(0.5),
  )
  return model(`steps ${steps.length}`, ...steps)
}

/** Returns the path that a node sees in a request target. */
export function readPath({ steps }: NodeModel, target: string): string {
  return steps.reduce((path, step) => step(path), target.split('?')[0]!)
}

/** A route as a test describes it: `path` as in a document. */
export interface Guard {
  readonly path: string
  /** Whether anybody may use it. */
  readonly isOpen: boolean
}

/**
 * Returns the rule for a path that a node has read: literals before parameters before the rest, segment by segment, the
 * first one of equal rules. Written apart from the routing table, for tests.
 */
export function ruleFor<Rule extends Guard>(
  rules: readonly Rule[],
  path: string,
  foldsCase: boolean,
): Rule | undefined {
  const segments = path.split('/').slice(1)
  const ranked = rules.flatMap(rule => {
    const rank = rankOf(rule.path.split('/').slice(1), segments, foldsCase)
    return rank === undefined ? [] : [{ rule, rank }]
  })
  return ranked.sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0))[0]?.rule
}

function rankOf(
  pattern: readonly string[],
  segments: readonly string[],
  foldsCase: boolean,
): string | undefined {
  let rank = ''
  for (const [index, part] of pattern.entries()) {
    if (part === '*')
      return index > segments.length ? undefined : `${rank}${index === segments.length ? 4 : 3}`
    const segment = segments[index]
    if (segment === undefined) return undefined
    if (part.startsWith(':')) {
      if (segment === '') return undefined
      rank += '2'
    } else {
      const literal = decode(part)
      if (literal !== segment && !(foldsCase && fold(literal) === fold(segment))) return undefined
      rank += '1'
    }
  }
  return pattern.length === segments.length ? rank : undefined
}

function fold(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8').normalize('NFKC').toLowerCase()
}

const FULL_WIDTH = 0xfee0
/** Each disguises a path in one place. */
const DISGUISES: readonly ((choice: Choice, path: string) => string)[] = [
  (choice, path) =>
    atSlash(choice, path, choice.of(['//', '///', '/./', '/%2e/', '/.;/', '/;/', '/;a=b/', '/%3b/'])),
  (choice, path) =>
    atSlash(choice, path, choice.of(['/x/../', '/x/%2e%2e/', '/x/..;/', '/x/%252e%252e/', '/x/.%20/'])),
  (choice, path) =>
    atSlash(choice, path, choice.of(['%2f', '%2F', '%252f', '\\', '%5c', '%255c', '%c0%af', '%ef%bc%8f'])),
  (choice, path) =>
    atSlash(choice, path, choice.of(['/x%2f..%2f', '/x%252f..%252f', '/x/%c0%ae%c0%ae/', '/%ef%bc%8e/'])),
  (choice, path) =>
    atEnd(choice, path, choice.of([';', ';v=1', ';jsessionid=A1', '%3b', '%3Ba', '%253b', ';/..;'])),
  (choice, path) =>
    atEnd(
      choice,
      path,
      choice.of(['.', '..', '%2e', '%20', '%09', '.%20', '%0a', '%85', '%a0', '%c2%a0', '%2520']),
    ),
  (choice, path) =>
    atEnd(choice, path, choice.of(['%00', '%2500', '%3f', '%3fx', '%23', '%253f', '%2523x', '/', '//'])),
  (choice, path) => atLetter(choice, path, letter => `%${letter.charCodeAt(0).toString(16)}`),
  (choice, path) => atLetter(choice, path, letter => `%25${letter.charCodeAt(0).toString(16).toUpperCase()}`),
  (choice, path) => atLetter(choice, path, letter => letter.toUpperCase()),
  (_choice, path) => path.toUpperCase(),
  (choice, path) =>
    atLetter(choice, path, letter =>
      encodeURIComponent(String.fromCharCode(letter.charCodeAt(0) + FULL_WIDTH)),
    ),
  (choice, path) => atLetter(choice, path, letter => overlong(letter)),
  (choice, path) =>
    `${choice.of(['/x/..', '/x/%2e%2e', '/%2e', '/x/..;', '/', '/;a', '/x/%252e%252e'])}${path}`,
  (_choice, path) => `${path}?${path}`,
]

/** Makes a spelling that some server may read as the path of `place`. */
export function disguise(choice: Choice, place: string): string {
  let path = place
  for (let left = 1 + choice.below(4); left > 0; left--) path = choice.of(DISGUISES)(choice, path)
  return path
}

function atSlash(choice: Choice, path: string, by: string): string {
  return replaceOne(choice, path, /\//g, () => by)
}

function atEnd(choice: Choice, path: string, added: string): string {
  return replaceOne(choice, `${path}\n`, /(?=\/|\n)(?!^)/g, () => added).replace('\n', '')
}

function atLetter(choice: Choice, path: string, by: (letter: string) => string): string {
  return replaceOne(choice, path, /(?<![%0-9A-Fa-f])[a-z]/g, by)
}

function overlong(letter: string): string {
  const code = letter.charCodeAt(0)
  return `%c${code >> 6}%${(0x80 | (code & 63)).toString(16)}`
}

function replaceOne(choice: Choice, text: string, pattern: RegExp, by: (found: string) => string): string {
  const found = [...text.matchAll(pattern)]
  if (found.length === 0) return text
  const match = choice.of(found)
  return text.slice(0, match.index) + by(match[0]) + text.slice(match.index + match[0].length)
}
