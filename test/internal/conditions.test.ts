import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Condition,
  compileCondition,
  compileMatch,
  MatchedRequest,
  type MatchRule,
} from '../../internal/conditions.ts'
import { createAddressTest } from '../../middleware/request/client-address.ts'

interface Sent {
  readonly headers?: readonly string[]
  readonly target?: string
  readonly from?: string
}

function holds(rule: MatchRule, { headers = [], target = '/', from }: Sent): boolean {
  return compileMatch(rule, createAddressTest)(new MatchedRequest(headers, target, from))
}

test('condition: each test passes the values that it names, and no other', () => {
  const cases: readonly [condition: Condition, passing: string[], others: string[]][] = [
    ['2', ['2'], ['', '20', ' 2']],
    [{ exact: '' }, [''], ['a']],
    [{ prefix: 'ab' }, ['ab', 'abc'], ['', 'a', 'AB', 'xab']],
    [{ suffix: 'ab' }, ['ab', 'cab'], ['', 'b', 'abc']],
    [{ contains: 'ab' }, ['ab', 'cabd'], ['', 'a b']],
    [{ in: ['a', 'b'] }, ['a', 'b'], ['', 'ab', 'A', 'toString']],
    [{ present: true }, ['', 'a'], []],
    [{ present: false }, [], ['', 'a']],
    [{ regex: 'a+' }, ['a', 'aaa'], ['', 'ab', 'ba']],
    [{ exact: 'Ab', ignoreCase: true }, ['ab', 'AB'], ['abc']],
    [{ prefix: 'Ab', ignoreCase: true }, ['aBc'], ['b']],
    [{ in: ['É'], ignoreCase: true }, ['é'], ['e']],
    [{ regex: 'a+', ignoreCase: true }, ['aA'], ['b']],
  ]
  for (const [condition, passing, others] of cases) {
    const plain = compileCondition(condition)
    const rule = typeof condition === 'string' ? { exact: condition } : condition
    const turned = compileCondition({ ...rule, not: true })
    for (const value of passing) assert.equal(plain([value]), true, `${JSON.stringify(condition)} ${value}`)
    for (const value of others) assert.equal(plain([value]), false, `${JSON.stringify(condition)} ${value}`)
    for (const values of [[], ...[...passing, ...others].map(value => [value])])
      assert.equal(turned(values), !plain(values), `not ${JSON.stringify(condition)} ${values}`)
  }
})

test('condition: of several values one must pass, and with not none may', () => {
  assert.equal(compileCondition('b')(['a', 'b']), true)
  assert.equal(compileCondition('b')([]), false)
  assert.equal(compileCondition({ exact: 'b', not: true })(['a', 'b']), false)
  assert.equal(compileCondition({ exact: 'b', not: true })(['a', 'c']), true)
  assert.equal(compileCondition({ exact: 'b', not: true })([]), true)
})

test('condition: headers are found in any case, on any line, as the text that their bytes are', () => {
  const headers = ['X-A', '1', 'x-a', '2', 'x_a', '3', 'x-name', Buffer.from('zoë').toString('latin1')]
  assert.equal(holds({ headers: { 'X-a': '1' } }, { headers }), true)
  assert.equal(holds({ headers: { 'x-A': '2' } }, { headers }), true)
  assert.equal(holds({ headers: { 'x-a': '3' } }, { headers }), false)
  assert.equal(holds({ headers: { 'x-a': '1, 2' } }, { headers }), false)
  assert.equal(holds({ headers: { 'x-name': 'zoë' } }, { headers }), true)
  assert.equal(holds({ headers: { 'x-name': 'é' } }, { headers: ['x-name', '\xe9'] }), true)
})

test('condition: a parameter of the query is decoded once, and is as written where its encoding is bad', () => {
  const q = (condition: Condition, target: string) => holds({ query: { q: condition } }, { target })
  assert.equal(q('a b', '/?q=a+b'), true)
  assert.equal(q('a b', '/?%71=a%20b'), true)
  assert.equal(q('%20', '/?q=%2520'), true)
  assert.equal(q('ë', '/?q=%C3%AB'), true)
  assert.equal(q('%zz+', '/?q=%zz+'), true)
  assert.equal(q('', '/?a=b&q'), true)
  assert.equal(q({ present: false }, '/?Q=1'), true)
  assert.equal(q({ present: false }, '/q=1'), true)
  assert.equal(q('2', '/?q=1&q=2'), true)
  assert.equal(q('a?b=c', '/?q=a?b=c'), true)
})

test('condition: two cookies of one name', () => {
  const found = (condition: Condition, headers: readonly string[]) =>
    holds({ cookies: { beta: condition } }, { headers })
  const twice = ['Cookie', 'beta=0; a=b; beta=1']
  const onTwoLines = ['cookie', 'beta=0', 'COOKIE', 'beta=1']
  for (const headers of [twice, onTwoLines]) {
    assert.equal(found('1', headers), true)
    assert.equal(found('0', headers), true)
    assert.equal(found({ exact: '1', not: true }, headers), false)
    assert.equal(found('2', headers), false)
  }
  assert.equal(found({ present: true }, ['cookie', 'Beta=1; xbeta=1; beta']), false)
  assert.equal(found('a=b', ['cookie', 'beta=a=b']), true)
})

test('condition: the address of the client is in a range, and an unknown one in none', () => {
  const rule = { clients: ['10.0.0.0/8', '2001:db8::/32'] }
  assert.equal(holds(rule, { from: '10.1.2.3' }), true)
  assert.equal(holds(rule, { from: '2001:db8::7' }), true)
  assert.equal(holds(rule, { from: '11.1.2.3' }), false)
  assert.equal(holds(rule, {}), false)
  assert.equal(holds({ clients: ['::/0'] }, { from: 'unknown' }), false)
})

test('condition: all conditions of a rule must hold, and an empty rule holds always', () => {
  const rule = { headers: { a: '1' }, query: { q: '1' }, cookies: { c: '1' }, clients: ['10.0.0.0/8'] }
  const all = { headers: ['a', '1', 'cookie', 'c=1'], target: '/?q=1', from: '10.0.0.1' }
  assert.equal(holds(rule, all), true)
  for (const missing of [
    { headers: ['cookie', 'c=1'] },
    { headers: ['a', '1'] },
    { target: '/' },
    { from: '1.1.1.1' },
  ])
    assert.equal(holds(rule, { ...all, ...missing }), false, JSON.stringify(missing))
  assert.equal(holds({}, {}), true)
})
