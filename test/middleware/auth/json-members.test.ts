import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasDuplicateMembers } from '../../../middleware/auth/json-members.ts'

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
    assert.ok(hasDuplicateMembers(json), json)
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
    assert.ok(!hasDuplicateMembers(json), json)
  }
})
