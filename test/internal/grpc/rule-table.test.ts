import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindingsOfRule } from '../../../internal/grpc/http-rule.ts'
import { RuleTable } from '../../../internal/grpc/rule-table.ts'

/** Creates a table of rules such as `GET /a/{b}`, whose values are the rules themselves. */
function tableOf(...rules: readonly string[]): RuleTable<string> {
  return new RuleTable(
    rules.map(rule => {
      const [kind = '', path = ''] = rule.split(' ')
      return { binding: bindingsOfRule({ custom: { kind, path } })[0]!, value: rule }
    }),
  )
}

function found(table: RuleTable<string>, httpMethod: string, path: string): unknown {
  const match = table.find(httpMethod, path)
  return match && [match.entry.value, ...match.captures]
}

test('of the templates that match, the one with the most literal segments wins, then one without **, then the first', () => {
  const table = tableOf(
    'GET /v1/{rest=**}',
    'GET /v1/{a}/{b}',
    'GET /v1/{a}/c',
    'GET /v1/b/c',
    'GET /v1/{x}/{y}',
    'GET /v1/{a}:verb',
    'GET /v1/{name=things/*}',
    'GET /v1/things/{rest=**}',
  )
  const cases = [
    ['/v1/b/c', ['GET /v1/b/c']],
    ['/v1/x/c', ['GET /v1/{a}/c', 'x']],
    ['/v1/b/x', ['GET /v1/{a}/{b}', 'b', 'x']],
    ['/v1/a/b/c', ['GET /v1/{rest=**}', 'a/b/c']],
    ['/v1/things/7', ['GET /v1/{name=things/*}', 'things/7']],
    ['/v1/things/7/8', ['GET /v1/things/{rest=**}', '7/8']],
    ['/v1/x:verb', ['GET /v1/{a}:verb', 'x']],
    ['/v1/x:other', ['GET /v1/{rest=**}', 'x:other']],
    ['/v2/x', undefined],
    ['/v1', ['GET /v1/{rest=**}', '']],
  ] as const
  for (const [path, expected] of cases) assert.deepEqual(found(table, 'GET', path), expected, path)
})

test('captured values are decoded, but an encoded slash stays where several segments are captured', () => {
  const table = tableOf('GET /one/{a}', 'GET /many/{a=**}', 'GET /two/{a=x/*}/{b}')
  assert.deepEqual(found(table, 'GET', '/one/a%20b%2Fc%C3%A9'), ['GET /one/{a}', 'a b/cé'])
  assert.deepEqual(found(table, 'GET', '/many/a%20b%2fc/d%2F'), ['GET /many/{a=**}', 'a b%2fc/d%2F'])
  assert.deepEqual(found(table, 'GET', '/two/x/%41%2F/b'), ['GET /two/{a=x/*}/{b}', 'x/A%2F', 'b'])
  // Such targets reach HTTP nodes as they are.
  assert.deepEqual(found(table, 'GET', '/one/%ff'), ['GET /one/{a}', '%ff'])
})

test('a parameter is never empty, and other methods are not matched but told', () => {
  const table = tableOf('GET /a/{b}', 'POST /a/{b}', 'DELETE /a/{b}:now', 'PUT /a/c')
  assert.equal(found(table, 'GET', '/a/'), undefined)
  assert.equal(found(table, 'PATCH', '/a/c'), undefined)
  assert.deepEqual(table.allowedMethods('/a/c'), ['GET', 'POST', 'PUT'])
  assert.deepEqual(table.allowedMethods('/a/c:now'), ['DELETE', 'GET', 'POST'])
  assert.deepEqual(table.allowedMethods('/b'), [])
  // A literal that has another method leaves the path to the parameter.
  assert.deepEqual(found(table, 'GET', '/a/c'), ['GET /a/{b}', 'c'])
})

test('the same method and path a second time has no effect, and is told', () => {
  const table = tableOf('GET /a/{b}', 'GET /a/{c}', 'GET /a/*:x', 'GET /a/{d}:x', 'POST /a/{b}')
  assert.deepEqual(
    table.duplicates.map(({ value }) => value),
    ['GET /a/{d}:x', 'GET /a/{c}'],
  )
})

test('a table of a thousand templates with the same beginning is searched without trying them one by one', () => {
  const table = tableOf(
    ...Array.from({ length: 1_000 }, (_, i) => `GET /v1/${'{a}/'.replace('a', `a${i}`)}x${i}`),
  )
  assert.deepEqual(found(table, 'GET', '/v1/y/x999'), ['GET /v1/{a999}/x999', 'y'])
  assert.equal(found(table, 'GET', `/v1/${'y/'.repeat(5_000)}`), undefined)
})
