import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOriginList, parseOriginEntry } from '../../../internal/http/origin.ts'

interface Case {
  readonly entry: string
  /** In the spelling of browsers. */
  readonly meant: readonly string[]
  readonly others: readonly string[]
}

const cases: Case[] = [
  {
    entry: 'https://app.example.com',
    meant: ['https://app.example.com', 'https://app.example.com:443', 'HTTPS://App.Example.COM'],
    others: [
      'http://app.example.com',
      'https://app.example.com:8443',
      'https://app.example.com:80',
      'https://x.app.example.com',
      'https://example.com',
      'https://app-example.com',
      'https://appxexample.com',
      'https://app.example.com.evil',
      'https://evil-app.example.com',
      'https://app.example.com.',
      'https://app.example.com/',
      'https://app.example.com/path',
      'https://app.example.com@evil.example',
      'https://evil.example#https://app.example.com',
      'https://evil.example?https://app.example.com',
      'https://app.example.com https://evil.example',
      'https://app.example.com, https://evil.example',
      ' https://app.example.com',
      '//app.example.com',
      'app.example.com',
    ],
  },
  {
    entry: 'HTTPS://App.Example.com:443',
    meant: ['https://app.example.com', 'https://app.example.com:443'],
    others: ['http://app.example.com:443', 'https://app.example.com:80'],
  },
  {
    entry: 'http://app.example.com:80',
    meant: ['http://app.example.com', 'http://app.example.com:80'],
    others: ['https://app.example.com', 'http://app.example.com:8080', 'http://app.example.com:'],
  },
  {
    entry: 'https://app.example.com:8443',
    meant: ['https://app.example.com:8443'],
    others: ['https://app.example.com', 'https://app.example.com:84430', 'https://app.example.com:08443'],
  },
  {
    entry: 'https://*.example.com',
    meant: ['https://a.example.com', 'https://a.b.example.com', 'https://A.example.com:443'],
    others: [
      'https://example.com',
      'https://.example.com',
      'https://*.example.com',
      'https://evil-example.com',
      'https://evilexample.com',
      'https://example.com.evil',
      'https://a.example.com.evil',
      'https://a.example.com:8443',
      'http://a.example.com',
      'https://evil.example/a.example.com',
      'https://evil.example:1.example.com',
      'https://evil.example?.example.com',
      'https://evil.example#.example.com',
      'https://evil.example\\.example.com',
      'https://user@a.example.com',
      'https://a b.example.com',
      'https://a_.example.com.',
    ],
  },
  {
    entry: '*.example.com',
    meant: ['https://a.example.com', 'https://a.b.example.com'],
    others: ['http://a.example.com', 'https://a.example.com:8443', 'https://example.com', '*.example.com'],
  },
  {
    entry: 'http://*.example.com:8080',
    meant: ['http://a.example.com:8080'],
    others: ['http://a.example.com', 'https://a.example.com:8080', 'http://example.com:8080'],
  },
  {
    entry: 'http://localhost:*',
    meant: ['http://localhost', 'http://localhost:80', 'http://localhost:3000', 'http://localhost:65535'],
    others: [
      'https://localhost:3000',
      'http://localhost.evil:3000',
      'http://localhost:*',
      'http://localhost:65536',
      'http://localhost:0',
      'http://localhost:3000/x',
      'http://localhost:3000.evil',
      'http://127.0.0.1:3000',
    ],
  },
  {
    entry: 'https://*.example.com:*',
    meant: ['https://a.example.com', 'https://a.example.com:8443'],
    others: ['https://example.com:8443', 'https://a.example.com:*', 'https://*.example.com:*'],
  },
  {
    entry: 'http://127.0.0.1:3000',
    meant: ['http://127.0.0.1:3000'],
    others: ['http://127.0.0.1', 'http://127.0.0.10:3000', 'http://1270.0.0.1:3000'],
  },
  {
    entry: 'http://[::1]:3000',
    meant: ['http://[::1]:3000'],
    others: ['http://[::1]', 'http://[::2]:3000', 'http://::1:3000', 'http://[::1'],
  },
  {
    // Browsers send the shortest spelling, whichever a page was opened with.
    entry: 'https://[2001:DB8:0:0::0001]',
    meant: ['https://[2001:db8::1]', 'https://[2001:db8::1]:443'],
    others: ['https://[2001:db8::2]', 'https://[2001:db8::1]:8443'],
  },
  { entry: 'https://xn--bcher-kva.example', meant: ['https://xn--bcher-kva.example'], others: [] },
  {
    entry: 'chrome-extension://abcdefghijklmnop',
    meant: ['chrome-extension://abcdefghijklmnop'],
    others: ['https://abcdefghijklmnop', 'chrome-extension://abcdefghijklmnoq'],
  },
  {
    entry: 'capacitor://localhost',
    meant: ['capacitor://localhost'],
    others: ['http://localhost', 'ionic://localhost'],
  },
  {
    entry: 'null',
    meant: ['null'],
    others: [
      '',
      'NULL',
      'null.example',
      'https://null',
      'null://null',
      'undefined',
      'https://app.example.com',
    ],
  },
  {
    entry: '*',
    meant: ['https://app.example.com', 'http://localhost:3000', 'null', 'file://', 'anything at all'],
    others: [],
  },
]

for (const { entry, meant, others } of cases) {
  test(`${entry} matches the right origins`, () => {
    const isListed = createOriginList([entry])
    for (const origin of meant) assert.equal(isListed(origin), true, origin)
    for (const origin of others) assert.equal(isListed(origin), false, origin)
  })
}

test('an origin is on a list when one entry matches it', () => {
  const isListed = createOriginList(['https://a.example', '*.b.example', 'http://localhost:*', 'null'])
  for (const origin of ['https://a.example', 'https://x.b.example', 'http://localhost:1', 'null']) {
    assert.equal(isListed(origin), true, origin)
  }
  for (const origin of ['https://x.a.example', 'https://b.example', '', 'https://c.example']) {
    assert.equal(isListed(origin), false, origin)
  }
})

test('valid and invalid entries of a list of origins are distinguished', () => {
  for (const { entry } of cases) {
    if (entry !== '*') assert.notEqual(parseOriginEntry(entry), undefined, entry)
  }
  const bad = [
    '',
    ' ',
    '*.',
    '**',
    'example.com',
    'localhost:3000',
    'localhost:*',
    '*.example.com:8443',
    '*example.com',
    'https://',
    'https://*',
    'https://*:443',
    'https://*example.com',
    'https://a.*.example.com',
    'https://a*.example.com',
    'https://*.*.example.com',
    '*://example.com',
    'https:/example.com',
    'https//example.com',
    'https://example.com/',
    'https://example.com/path',
    'https://example.com?',
    'https://example.com#',
    'https://user@example.com',
    'https://example.com:',
    'https://example.com:0',
    'https://example.com:080',
    'https://example.com:65536',
    'https://example.com:99999',
    'https://example.com:port',
    'https://example.com:80:*',
    'https://example.com:*:80',
    'https://example.com.',
    'https://.example.com',
    'https://-example.com',
    'https://exa mple.com',
    'https://example.com ',
    ' https://example.com',
    'https://example.com\n',
    'https://example.com,https://example.org',
    'https://b\u00fccher.example',
    'https://999.0.0.1',
    'https://1.2.3.4.5',
    'https://[::1',
    'https://::1',
    'https://[::1]]',
    'https://[]',
    'https://[:::]',
    'https://[1.2.3.4]',
    'https://[fe80::1%eth0]',
    'https://*.[::1]',
    'https://*.0.0.1',
    'https://*.127.0.0.1',
    '/^https:.*$/',
    'Null',
    'undefined',
  ]
  for (const entry of bad) assert.equal(parseOriginEntry(entry), undefined, JSON.stringify(entry))
})

test('an origin as long as a header may be is matched in linear time', () => {
  const isListed = createOriginList(
    Array.from({ length: 1_000 }, (_, i) => `https://*.a${i}.example`).concat('https://a.example'),
  )
  for (const piece of ['a', 'a.', 'a-', '*.', '://', 'https://', ':1', '[:']) {
    const origin = `https://${piece.repeat(16_000 / piece.length)}!`
    const from = performance.now()
    assert.equal(isListed(origin), false)
    assert.ok(performance.now() - from < 1_000, piece)
  }
})
