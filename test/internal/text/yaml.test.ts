import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as yaml from 'yaml'
import { parseTextDocument, TextDocumentError } from '../../../internal/text/yaml.ts'

const parse = (text: string) => parseTextDocument(text, () => yaml)

function mistakeIn(text: string) {
  try {
    parse(text)
  } catch (error) {
    assert.ok(error instanceof TextDocumentError, String(error))
    return error.mistakes[0]!
  }
  assert.fail(`${text.slice(0, 60)} was accepted`)
}

test('a document in JSON is read as JSON, even where YAML would refuse it', () => {
  const long = 'k'.repeat(2_000)
  for (const text of [
    '{"a":1,"b":[true,null,"x"]}',
    '{\n\t"a":\t{\n\t\t"b": 1\n\t}\n}',
    `{"${long}": 1}`,
    '{"a":1e400}',
    '{"__proto__":{"a":1}}',
    '"text"',
    '7',
  ]) {
    assert.deepEqual(parse(text).value, JSON.parse(text), text.slice(0, 60))
  }
})

test('the line of a value is known in YAML and in JSON', () => {
  for (const text of ['a:\n  - 1\n  - b: 2\n', '{"a": [\n1,\n{"b": 2}]}']) {
    const { lineOf } = parse(text)
    assert.deepEqual([lineOf(['a', 1, 'b']), lineOf(['a', 1, 'c', 'd']), lineOf([])], [3, 3, 1], text)
  }
})

test('a name that occurs twice is a mistake with its place, in YAML and in JSON', () => {
  for (const text of [
    'a: 1\na: 2\n',
    '{"a": 1,\n"a": 2}',
    '{"a": 1,\n"\\u0061": 2}',
    '{"b": {"a": 1,\n"a": 2}}',
  ]) {
    const { line, message } = mistakeIn(text)
    assert.equal(line, 2, text)
    assert.match(message, /unique/)
  }
})

test('a mistake has its place and does not repeat the text, which may be a secret that is not quoted', () => {
  for (const secret of ['*hush', '|hush', '>hush', '!hush!', '!hu!hush', '!<hush']) {
    const { line, message } = mistakeIn(`a: 1\nb: ${secret}\n`)
    assert.equal(line, 2, secret)
    assert.doesNotMatch(message, /hu/, secret)
  }
})

test('an alias is found among others that have their anchors', () => {
  assert.deepEqual(parse('a: &x 1\nb: [*x, *x]\n').value, { a: 1, b: [1, 1] })
  assert.equal(mistakeIn('a: &x 1\nb: [*x,\n*y]\nc: &y 1\n').line, 3)
})

test('ten thousand brackets are a mistake, and neither end the process nor take long', () => {
  const many = 10_000
  for (const text of [
    '['.repeat(many) + ']'.repeat(many),
    '['.repeat(many),
    `${'{"a":'.repeat(many)}1${'}'.repeat(many)}`,
    `${'{a: '.repeat(many)}1${'}'.repeat(many)}`,
    '- '.repeat(many),
    '? '.repeat(many),
  ]) {
    assert.ok(mistakeIn(text).message.length < 300)
  }
  assert.equal(mistakeIn('['.repeat(101) + ']'.repeat(101)).message, 'is nested more than 100 levels deep')
})

test('aliases that expand to more than they should are a mistake', () => {
  const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(9)}]`)
  assert.match(mistakeIn(['l0: &l0 x', ...levels].join('\n')).message, /alias/i)
})
