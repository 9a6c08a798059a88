import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindingsOfRule, parseTemplate } from '../../../internal/grpc/http-rule.ts'

test('a template has segments, variables and a verb', () => {
  assert.deepEqual(parseTemplate('/v1/{name=shelves/*}/books/{book.id}:list'), {
    text: '/v1/{name=shelves/*}/books/{book.id}:list',
    segments: [{ literal: 'v1' }, { literal: 'shelves' }, '*', { literal: 'books' }, '*'],
    verb: 'list',
    variables: [
      { fieldPath: ['name'], from: 1, to: 3 },
      { fieldPath: ['book', 'id'], from: 4, to: 5 },
    ],
  })
  assert.deepEqual(parseTemplate('/v1/{path=files/**}').variables, [
    { fieldPath: ['path'], from: 1, to: undefined },
  ])
  assert.deepEqual(parseTemplate('/a/*/**').segments, [{ literal: 'a' }, '*', '**'])
})

test('a template that no path could match as it means is refused', () => {
  const cases = [
    ['v1/a', 'it must begin with /'],
    ['/', '"" is not a segment'],
    ['/a//b', '"" is not a segment'],
    ['/a/', '"" is not a segment'],
    ['/**/a', '** must be the last segment'],
    ['/{a=**}/b', '** must be the last segment'],
    ['/{a=x/**}/{b}', '** must be the last segment'],
    ['/{a', 'braces do not match'],
    ['/a}', 'braces do not match'],
    ['/{a={b}}', 'braces do not match'],
    ['/{}', ' is not a path of fields'],
    ['/{a..b}', 'a..b is not a path of fields'],
    ['/{a=}', '"" is not a segment'],
    ['/{a}/{a}', 'a is captured twice'],
    ['/a b', '"a b" is not a segment'],
    ['/a?b', '"a?b" is not a segment'],
    ['/***', '"***" is not a segment'],
    [`/${'a/'.repeat(64)}b`, 'it has more than 64 segments'],
    // Each variable is compared with all before it.
    [`/${Array.from({ length: 2_000 }, (_, i) => `{a${i}}`).join('/')}`, 'it has more than 1024 characters'],
  ] as const
  for (const [text, reason] of cases) {
    assert.throws(
      () => parseTemplate(text),
      (error: Error) => error instanceof TypeError && error.message.endsWith(reason),
      text.slice(0, 100),
    )
  }
})

test('a rule has one pattern and additional ones, which have none of their own', () => {
  const bindings = bindingsOfRule({
    post: '/a',
    body: '*',
    additionalBindings: [{ get: '/b', responseBody: 'c' }, { custom: { kind: 'REPORT', path: '/d' } }],
  })
  assert.deepEqual(
    bindings.map(({ httpMethod, template, body, responseBody }) => [
      httpMethod,
      template.text,
      body,
      responseBody,
    ]),
    [
      ['POST', '/a', '*', undefined],
      ['GET', '/b', undefined, 'c'],
      ['REPORT', '/d', undefined, undefined],
    ],
  )
  const refused = [
    {},
    { get: '/a', post: '/b' },
    { get: '/a', body: '*' },
    { post: '/a', body: 'a.b' },
    { post: '/a', responseBody: 'a.b' },
    { custom: { kind: '*', path: '/a' } },
    { get: '/a', additionalBindings: [{ get: '/b', additionalBindings: [{ get: '/c' }] }] },
  ]
  for (const rule of refused) assert.throws(() => bindingsOfRule(rule), TypeError, JSON.stringify(rule))
})
