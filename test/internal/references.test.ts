import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rewriteReferences } from '../../internal/references.ts'
import { leastCpuMs } from '../support/least-cpu.ts'
import { testRequest, testRoute } from '../support/route.ts'

const NODE = '10.0.0.7:3001'

interface Setting {
  /** What X-Forwarded-Prefix tells the node. Default: none. */
  readonly prefix?: string
  readonly address?: string
  /** The Host of the client, if the route preserves it. */
  readonly host?: string
  readonly proto?: string
  /** Whether the node is reached over TLS. */
  readonly tls?: true
  readonly rewriteLocation?: true | 'always'
}

/** The value that a client gets of what a node wrote. */
function seen(
  name: string,
  value: string,
  { prefix, address = NODE, host, proto = 'http', tls, rewriteLocation = true }: Setting = {},
): string {
  const lines = ['Content-Length', '0', name, value, 'X-Other', value]
  const headers = ['x-forwarded-proto', proto, 'x-forwarded-host', host ?? 'shop.example:8080']
  if (prefix !== undefined) headers.push('x-forwarded-prefix', prefix)
  if (host !== undefined) headers.push('host', host)
  const request = testRequest({ route: testRoute({ rewriteLocation }), headers })
  rewriteReferences(lines, request, address, tls)
  assert.deepEqual([...lines.slice(0, 3), ...lines.slice(4)], ['Content-Length', '0', name, 'X-Other', value])
  return lines[3]!
}

type Row = readonly [written: string, seen: string, setting?: Setting]

/** `Location` behind a route that strips /user, unless a row says otherwise. */
const URLS: readonly Row[] = [
  // Paths of the node.
  ['/login', '/user/login'],
  ['/', '/user/'],
  ['/?a=/b', '/user/?a=/b'],
  ['/a?next=http://10.0.0.7:3001/x', '/user/a?next=http://10.0.0.7:3001/x'],
  ['/a#b', '/user/a#b'],
  ['/a%2Fb%20c', '/user/a%2Fb%20c'],
  ['/caf\xe9', '/user/caf\xe9'],
  ['/userx/login', '/user/userx/login'],
  ['/user%2Flogin', '/user/user%2Flogin'],
  ['/USER/login', '/user/USER/login'],
  ['/\\evil.example', '/user/\\evil.example'],
  // Paths that have the prefix already: the node knows X-Forwarded-Prefix.
  ['/user', '/user'],
  ['/user/', '/user/'],
  ['/user/login', '/user/login'],
  ['/user?a', '/user?a'],
  ['/user#a', '/user#a'],
  ['/user;jsessionid=1', '/user;jsessionid=1'],
  ['/user/user/login', '/user/user/login'],
  ['/user/login', '/user/user/login', { rewriteLocation: 'always' }],
  ['/user', '/user/user', { rewriteLocation: 'always' }],
  ['http://10.0.0.7:3001/user/login', '/user/login'],
  ['http://10.0.0.7:3001/user/login', '/user/user/login', { rewriteLocation: 'always' }],
  ['/login', '/shop/user/login', { prefix: '/shop/user' }],
  ['/shop/user/login', '/shop/user/login', { prefix: '/shop/user' }],
  // No prefix was stripped.
  ['/login', '/login', { prefix: '' }],
  ['/login', '/login', { prefix: '', rewriteLocation: 'always' }],
  // The node's own address.
  ['http://10.0.0.7:3001/login', '/user/login'],
  ['http://10.0.0.7:3001', '/user/'],
  ['http://10.0.0.7:3001/', '/user/'],
  ['http://10.0.0.7:3001?a=b', '/user/?a=b'],
  ['http://10.0.0.7:3001#f', '/user/#f'],
  ['HTTP://10.0.0.7:3001/A?b#c', '/user/A?b#c'],
  ['//10.0.0.7:3001/login', '/user/login'],
  ['http://10.0.0.7:3001/login', '/login', { prefix: '' }],
  ['http://10.0.0.7:3001', '/', { prefix: '' }],
  ['http://10.0.0.7:3001//evil.example/x', '/user//evil.example/x'],
  ['http://10.0.0.7:3001//evil.example/x', 'http://shop.example:8080//evil.example/x', { prefix: '' }],
  ['http://10.0.0.7:3001/\\evil.example', 'http://shop.example:8080/\\evil.example', { prefix: '' }],
  ['http://10.0.0.7:3001\\evil.example', 'http://10.0.0.7:3001\\evil.example'],
  ['http://Users.Internal:3001/a', '/user/a', { address: 'users.internal:3001' }],
  ['http://[2001:DB8::7]:3001/a', '/user/a', { address: '[2001:db8::7]:3001' }],
  ['http://10.0.0.7/a', '/user/a', { address: '10.0.0.7:80' }],
  ['http://10.0.0.7:80/a', '/user/a', { address: '10.0.0.7:80' }],
  ['http://10.0.0.7:/a', '/user/a', { address: '10.0.0.7:80' }],
  ['https://10.0.0.7/a', 'https://10.0.0.7/a', { address: '10.0.0.7:80' }],
  // A node that is asked with http and wants https.
  ['https://10.0.0.7:3001/a', 'https://shop.example/user/a'],
  ['https://10.0.0.7:3001/a', '/user/a', { proto: 'https' }],
  ['http://10.0.0.7:3001/a', '/user/a', { proto: 'https' }],
  // A node that is reached over TLS and names itself.
  ['https://10.0.0.7:3001/a', '/user/a', { tls: true }],
  ['https://10.0.0.7/a', '/user/a', { tls: true, address: '10.0.0.7:443' }],
  ['//10.0.0.7/a', '/user/a', { tls: true, address: '10.0.0.7:443' }],
  ['http://10.0.0.7:3001/a', '/user/a', { tls: true }],
  // The client asked with http, and the node wants its https.
  ['https://shop.example/a', 'https://shop.example/user/a', { tls: true, host: 'shop.example' }],
  // The Host that the node was given: the client's.
  ['http://shop.example/a', '/user/a', { host: 'shop.example' }],
  ['http://shop.example:80/a', '/user/a', { host: 'shop.example' }],
  ['http://10.0.0.7:3001/a', '/user/a', { host: 'shop.example' }],
  ['http://shop.example/a', 'http://shop.example/a', { host: 'shop.example', prefix: '' }],
  ['http://shop.example/a', '/a', { host: 'shop.example', prefix: '', proto: 'https' }],
  ['https://shop.example/a', 'https://shop.example/a', { host: 'shop.example', prefix: '' }],
  ['https://shop.example/a', 'https://shop.example/user/a', { host: 'shop.example' }],
  ['https://shop.example/a', '/user/a', { host: 'shop.example', proto: 'https' }],
  ['https://shop.example/user/a', 'https://shop.example/user/a', { host: 'shop.example', proto: 'https' }],
  ['https://shop.example:8443/a', 'https://shop.example:8443/a', { host: 'shop.example' }],
  ['https://10.0.0.7:3001/a', 'https://10.0.0.7:3001/a', { host: '' }],
  ['http://10.0.0.7:3001//a', 'http://10.0.0.7:3001//a', { host: '', prefix: '' }],
  // Other hosts.
  ['http://10.0.0.8:3001/login', 'http://10.0.0.8:3001/login'],
  ['http://10.0.0.7:3002/login', 'http://10.0.0.7:3002/login'],
  ['http://10.0.0.7:30011/login', 'http://10.0.0.7:30011/login'],
  ['http://10.0.0.7/login', 'http://10.0.0.7/login'],
  ['http://10.0.0.7:3001.evil.example/', 'http://10.0.0.7:3001.evil.example/'],
  ['http://10.0.0.7:3001@evil.example/', 'http://10.0.0.7:3001@evil.example/'],
  ['http://evil.example/http://10.0.0.7:3001/', 'http://evil.example/http://10.0.0.7:3001/'],
  ['//evil.example/login', '//evil.example/login'],
  ['https://idp.example/authorize?a=%2F', 'https://idp.example/authorize?a=%2F'],
  ['http://shop.example:8080/login', 'http://shop.example:8080/login'],
  // What is relative, or not a URL of HTTP.
  ['login', 'login'],
  ['./login', './login'],
  ['../login', '../login'],
  ['?page=2', '?page=2'],
  ['#top', '#top'],
  ['', ''],
  ['user/login', 'user/login'],
  ['mailto:a@b.example', 'mailto:a@b.example'],
  ['ftp://10.0.0.7:3001/a', 'ftp://10.0.0.7:3001/a'],
  ['http:/login', 'http:/login'],
  ['http:///login', 'http:///login'],
  ['10.0.0.7:3001/login', '10.0.0.7:3001/login'],
  ['\\\\10.0.0.7:3001/login', '\\\\10.0.0.7:3001/login'],
  ['/\t/evil.example', '/\t/evil.example'],
  ['http://10.0.0.7:3001/\t/evil.example', 'http://10.0.0.7:3001/\t/evil.example'],
]

for (const name of ['Location', 'content-location']) {
  for (const [written, expected, setting = {}] of URLS) {
    test(`${name}: ${written} becomes ${expected}, ${JSON.stringify(setting)}`, () => {
      assert.equal(seen(name, written, { prefix: '/user', ...setting }), expected)
    })
  }
}

test('what is rewritten once is not rewritten again, unless the route says always', () => {
  for (const [written, , setting = {}] of URLS) {
    if (setting.rewriteLocation === 'always') continue
    const once = seen('location', written, { prefix: '/user', ...setting })
    assert.equal(seen('location', once, { prefix: '/user', ...setting }), once, written)
  }
})

test('no path of a node becomes a reference to another host', () => {
  const asked = 'http://shop.example:8080/user/a/b'
  for (const prefix of ['', '/user']) {
    for (const path of [
      '/x',
      '//evil',
      '///evil',
      '/\\evil',
      '/\\/evil',
      '/./evil',
      '//evil@shop.example',
      '/:80/',
    ]) {
      for (const start of ['http://10.0.0.7:3001', 'HTTP://10.0.0.7:3001', '//10.0.0.7:3001']) {
        const url = new URL(seen('location', `${start}${path}`, { prefix }), asked)
        assert.equal(url.host, 'shop.example:8080', `${start}${path} ${prefix}`)
      }
    }
  }
})

const REFRESHES: readonly Row[] = [
  ['0; url=/login', '0; url=/user/login'],
  ['5;URL=http://10.0.0.7:3001/a;b', '5;URL=/user/a;b'],
  ['0, url = /a', '0, url = /user/a'],
  ['1.5; url="/a b"; x', '1.5; url="/user/a b"; x'],
  ["0; url='/a\"'", "0; url='/user/a\"'"],
  ['0; url="/a', '0; url="/user/a'],
  ["0; url=/it's", "0; url=/user/it's"],
  ['0; url=/user/a', '0; url=/user/a'],
  ['0; url=https://other.example/', '0; url=https://other.example/'],
  ['0; url=next', '0; url=next'],
  ['0; url=', '0; url='],
  ['30', '30'],
  ['0; /login', '0; /user/login'],
  ['url=/login', 'url=/login'],
  ['', ''],
]
for (const [written, expected] of REFRESHES) {
  test(`Refresh: ${written} becomes ${expected}`, () => {
    assert.equal(seen('Refresh', written, { prefix: '/user' }), expected)
  })
}

const COOKIES: readonly Row[] = [
  ['a=b; Path=/app', 'a=b; Path=/user/app'],
  ['a=b; path = /app ; Secure', 'a=b; path = /user/app ; Secure'],
  ['a=b;PATH=/app;HttpOnly', 'a=b;PATH=/user/app;HttpOnly'],
  ['a=b; Path=/app/', 'a=b; Path=/user/app/'],
  ['a=b; Path=/$&', 'a=b; Path=/user/$&'],
  ['a=b; Path=/user', 'a=b; Path=/user'],
  ['a=b; Path=/user/app', 'a=b; Path=/user/app'],
  ['a=b; Path=/user/app', 'a=b; Path=/user/user/app', { rewriteLocation: 'always' }],
  ['a=b; Path=/username', 'a=b; Path=/user/username'],
  ['a=b; Path=/app', 'a=b; Path=/shop/user/app', { prefix: '/shop/user' }],
  ['a=b; Path=/app', 'a=b; Path=/app', { prefix: '' }],
  // A cookie for everything may be meant for other services, and reaches this one.
  ['a=b; Path=/', 'a=b; Path=/'],
  ['a=b; Path=/', 'a=b; Path=/', { rewriteLocation: 'always' }],
  ['__Host-a=b; Path=/; Secure', '__Host-a=b; Path=/; Secure'],
  // Browsers take the path of the request, which has the prefix.
  ['a=b', 'a=b'],
  ['a=b; Path', 'a=b; Path'],
  ['a=b; Path=', 'a=b; Path='],
  ['a=b; Path=app', 'a=b; Path=app'],
  ['a=b; Path="/app"', 'a=b; Path="/app"'],
  // Attributes only, not the value of the cookie.
  ['Path=/app', 'Path=/app'],
  ['Domain=10.0.0.7; Secure', 'Domain=10.0.0.7; Secure'],
  ['a="; Path=/app"', 'a="; Path=/user/app"'],
  // The Domain of the node.
  ['a=b; Domain=10.0.0.7; Path=/app', 'a=b; Path=/user/app'],
  ['a=b; Domain=10.0.0.7; Path=/app', 'a=b; Path=/app', { prefix: '' }],
  ['a=b; domain=.Users.Internal', 'a=b', { address: 'users.internal:3001' }],
  ['a=b; Domain=internal', 'a=b; Domain=internal', { address: 'users.internal:3001' }],
  ['a=b; Domain=shop.example', 'a=b; Domain=shop.example'],
  ['a=b; Domain=example', 'a=b; Domain=example', { address: 'example:3001' }],
  ['a=b; Domain=shop.example', 'a=b; Domain=shop.example', { address: 'shop.example:3001' }],
  ['a=b; Domain', 'a=b; Domain'],
  ['', ''],
]
for (const [written, expected, setting = {}] of COOKIES) {
  test(`Set-Cookie: ${written} becomes ${expected}, ${JSON.stringify(setting)}`, () => {
    assert.equal(seen('Set-Cookie', written, { prefix: '/user', ...setting }), expected)
  })
}

test('every line of an answer is rewritten, whatever its case', () => {
  const lines = ['SET-COOKIE', 'a=1; Path=/a', 'x', '/a', 'set-cookie', 'b=2; Path=/b', 'LOCATION', '/c']
  const request = testRequest({
    route: testRoute({ rewriteLocation: true }),
    headers: ['x-forwarded-prefix', '/user'],
  })
  rewriteReferences(lines, request, NODE)
  assert.deepEqual(lines, [
    ...['SET-COOKIE', 'a=1; Path=/user/a', 'x', '/a', 'set-cookie', 'b=2; Path=/user/b'],
    ...['LOCATION', '/user/c'],
  ])
})

test('a hostile reference of 100 KB is read in linear time', () => {
  for (const name of ['location', 'refresh', 'set-cookie']) {
    for (const piece of ['/', ':', 'http://', '0;url=', ' ', ';', '; Path=/a', ' path ', '.', '\t', '0']) {
      for (const start of ['', 'http://10.0.0.7:3001', '0; url="', 'a=b; Path=', '//']) {
        const text = start + piece.repeat(Math.ceil(100_000 / piece.length))
        const took = leastCpuMs(() => seen(name, text, { prefix: '/user' }))
        assert.ok(took < 100, `${name}: ${start} ${JSON.stringify(piece)}: ${took} ms`)
      }
    }
  }
})
