import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../../config/load/load.ts'
import { readRouteDocument } from '../../../config/route/read-route-document.ts'
import { tempFolder } from '../temp-folder.ts'
import { parseRule } from './parse-rule.ts'

function reasonOf(rule: unknown): string | undefined {
  const parsed = parseRule('compress', rule)
  return 'reason' in parsed ? parsed.reason : undefined
}

/** Returns the warnings about `compress` of a document. */
function warningsOf(document: object): readonly string[] {
  const { problems, warnings } = readRouteDocument({ path: '/', service: 's', ...document })
  assert.deepEqual(problems, [])
  return warnings.map(({ message }) => message)
}

test('true and an object are accepted, and nothing else', () => {
  for (const rule of [
    true,
    {},
    { encodings: ['gzip'], levels: { gzip: 9, br: 6, zstd: 9 }, minBytes: 0, maxStreams: 0 },
    {
      types: [
        'text/*',
        '+json',
        'application/*+json',
        'image/*+xml',
        'application/vnd.acme',
        'IMAGE/SVG+XML',
      ],
      events: true,
      public: true,
      etags: 'skip',
    },
  ]) {
    assert.equal(reasonOf(rule), undefined, JSON.stringify(rule))
  }
  for (const [rule, reason] of [
    ['gzip', /^\$\.compress: /],
    [{ encodings: [] }, /^\$\.compress\.encodings: must not be empty/],
    [{ encodings: ['gzip', 'gzip'] }, /^\$\.compress\.encodings: must not contain duplicates/],
    [{ encodings: ['deflate'] }, /^\$\.compress\.encodings\[0\]: must be "zstd", "br" or "gzip"/],
    [{ levels: { br: 11 } }, /^\$\.compress\.levels\.br: must be <= 6, not 11/],
    [{ levels: { zstd: 0 } }, /^\$\.compress\.levels\.zstd: must be >= 1/],
    [{ minByte: 1 }, /^\$\.compress\.minByte: is not a known field \(did you mean "minBytes"\?\)/],
    [{ types: ['*/*'] }, /^\$\.compress\.types\[0\]: must be a media type such as /],
    [{ types: ['json'] }, /^\$\.compress\.types\[0\]: must be a media type such as /],
    [
      { types: ['text/*', 'text/event-stream'] },
      /^\$\.compress\.types\[1\]: is compressed with "events": true/,
    ],
    [{ types: ['image/*'] }, /^\$\.compress\.types\[0\]: is never compressed/],
    [{ types: ['application/zip'] }, /^\$\.compress\.types\[0\]: is never compressed/],
  ] as const) {
    assert.match(reasonOf(rule) ?? 'accepted', reason, JSON.stringify(rule))
  }
})

test('a route that takes PUT or PATCH is warned of weak ETags, unless the rule says what becomes of them', () => {
  const about = (methods: string) => [
    `makes ETags weak, so ${methods} with If-Match will fail: write "etags": "skip", or "etags": "weaken" if no client uses If-Match`,
  ]
  assert.deepEqual(warningsOf({ compress: true }), about('PUT and PATCH'))
  assert.deepEqual(warningsOf({ compress: {}, methods: ['GET', 'PATCH'] }), about('PATCH'))
  assert.deepEqual(warningsOf({ compress: true, methods: ['GET', 'POST'] }), [])
  assert.deepEqual(warningsOf({ compress: { etags: 'skip' } }), [])
  assert.deepEqual(warningsOf({ compress: { etags: 'weaken' } }), [])
  assert.deepEqual(warningsOf({ compress: false }), [])
})

test('a rule of routes.defaults is for all methods', t => {
  const document = { routes: { defaults: { compress: { minBytes: 5 } } } }
  const { config, warnings } = loadConfig({
    env: {},
    cwd: tempFolder(t, { 'waygate.yaml': JSON.stringify(document) }),
  })
  assert.deepEqual(config.routes.defaults.compress, { minBytes: 5 })
  assert.match(warnings.join(), /^\$\.routes\.defaults\.compress \(waygate\.yaml:1\) makes ETags weak/)
})
