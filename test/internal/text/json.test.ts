import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findDuplicateMember, parseJson } from '../../../internal/text/json.ts'

test('a duplicate member is found, however deep and however spelled', () => {
  for (const json of [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"a" : 1 , "b":2,\n"a"\t:3}',
    '{"x":{"a":1,"a":2}}',
    '{"x":[1,{"a":1,"b":{},"a":2}]}',
    '[{"a":1,"a":2}]',
    '{"":1,"":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a\\"":1,"a\\"":2}',
    '{"\\\\":1,"\\\\":2}',
  ]) {
    JSON.parse(json)
    assert.notEqual(findDuplicateMember(json), undefined, json)
    assert.throws(() => parseJson(json), /^TypeError: has two members named "/)
  }
})

test('the same text elsewhere is not a duplicate member', () => {
  for (const json of [
    '{}',
    '[]',
    '"a"',
    '7',
    '{"a":"a"}',
    '{"a":{"a":{"a":1}}}',
    '{"x":[{"a":1},{"a":1}],"a":1}',
    '{"a":"{\\"a\\":1,\\"a\\":2}"}',
    '{"a":["a","a"],"b":"a:"}',
    '{"a":"\\\\","b":"\\"a\\":"}',
    '{"a":1,"A":1,"a ":1}',
  ]) {
    JSON.parse(json)
    assert.equal(findDuplicateMember(json), undefined, json)
    assert.deepEqual(parseJson(json), JSON.parse(json))
  }
})

test('what is not JSON is refused, however little is wrong with it', () => {
  for (const text of [
    '',
    ' ',
    '{"a":1,}',
    "{'a':1}",
    '# a\n{}',
    '{"a":0x10}',
    '{"a":.5}',
    '{} {}',
    '\ufeff{}',
    '{"a":1}\0',
  ]) {
    assert.throws(() => parseJson(text), /^TypeError: is not valid JSON$/, text)
  }
})

test('a hundred levels are read, and more are refused, even a hundred thousand', () => {
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  assert.ok(Array.isArray(parseJson(nested(100))))
  for (const levels of [101, 10_000, 100_000]) {
    assert.throws(() => parseJson(nested(levels)), /is nested more than 100 levels deep$/)
    assert.throws(() => parseJson(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`), /levels deep$/)
  }
})
