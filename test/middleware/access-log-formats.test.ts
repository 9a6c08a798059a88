import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACCESS_LOG_FIELDS } from '../../internal/access-log-fields.ts'
import { Call } from '../../internal/call.ts'
import { createAccessLog, type WriteAccess } from '../../middleware/access-log.ts'
import { createFieldsLog } from '../../middleware/access-log-fields.ts'
import { createCombinedLog } from '../../middleware/combined-log.ts'
import { fakePeers } from '../support/peer.ts'
import { testRoute } from '../support/route.ts'

const NOW = Date.UTC(2026, 10, 3, 4, 5, 6, 789)
/** As parsers of the combined format read it. */
const COMBINED =
  /^(\S+) (\S+) (\S+) \[(\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "([^"]*)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"$/
const HOSTILE = [
  '\n',
  '\r\n10.6.6.6 - admin [03/Nov/2026:04:05:06 +0000] "GET / HTTP/1.1" 200 5 "-" "-"',
  '" 200 5 "-" "',
  '\\" \\',
  '\\x22',
  'status=500 x="',
  '\0\x1b[31m\x7f',
  '\x85\u2028\u2029\ud800',
  'é ü ☃',
]

type Change = (call: Call) => void

/** Returns the only line that is written of a request. */
function lineOf(
  create: (write: (line: string) => void) => WriteAccess,
  change: Change = () => {},
  headers: readonly string[] = [],
): string {
  const lines: string[] = []
  const call = new Call('id-1', 'GET', '/user/1?token=hunter2', 0)
  change(call)
  create(line => void lines.push(line))(call, 200, '10.0.0.9', 1.23456, { rawHeaders: headers })
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /^[^\n]*\n$/)
  return lines[0]!.slice(0, -1)
}

const combined = (change?: Change, headers?: readonly string[]) =>
  lineOf(write => createCombinedLog({ write, now: () => NOW }), change, headers)
const logfmt = (
  fields?: readonly (typeof ACCESS_LOG_FIELDS)[number][],
  change?: Change,
  headers?: string[],
) => lineOf(write => createFieldsLog({ write, now: () => NOW, format: 'logfmt', fields }), change, headers)

/** Sets everything that lines may have. */
function fill(call: Call): void {
  call.route = testRoute({ id: 'r1' })
  call.peer = fakePeers({ n7: 1 })[0]
  Object.assign(call, {
    ...{ attempts: 2, upstreamMs: 0.98765, rpc: 'a.B/C', grpcStatus: 7, sentPath: '/7' },
    identity: { subject: 'anna', headers: [], scopes: [], roles: [] },
    tls: { version: 'TLSv1.3', certificate: { subject: 'CN=anna' } },
    ...{ degraded: true, isTranscoded: true, isMirrored: true },
    ...{ variant: 'stable', variantWanted: 'canary', encoding: 'br', policy: 'rateLimit' },
    limits: { rule: 'hour', left: 0, isDegraded: true, reports: [], awaiting: [] },
    trace: { traceId: '4bf92f35', spanId: '00f067aa', isSampled: true, isRandom: false },
    ...{ observed: ['clients', 'cors'], errorCode: 'WG_RATE_LIMITED', failure: new Error('too many') },
  })
}

test('combined: a line is the one that nginx writes, with the time in UTC and without the query', () => {
  const headers = ['Host', 'a', 'User-Agent', 'curl/8.5.0', 'referer', 'https://x:y@a.example/p?q=hunter2#f']
  assert.equal(
    combined(call => {
      fill(call)
      call.bodyBytes = 110
    }, headers),
    '10.0.0.9 - anna [03/Nov/2026:04:05:06 +0000] "GET /user/1 HTTP/1.1" 200 110 "https://a.example/p" "curl/8.5.0"',
  )
  assert.equal(
    combined(call => void Object.assign(call, { http: '2', bodyBytes: 0 })),
    '10.0.0.9 - - [03/Nov/2026:04:05:06 +0000] "GET /user/1 HTTP/2.0" 200 0 "-" "-"',
  )
})

test('combined: what was never read is a hyphen', () => {
  const lines: string[] = []
  const write = createCombinedLog({ write: line => void lines.push(line), now: () => NOW })
  write(new Call('id-1', '-', '-', 0), 400, '10.0.0.9', 1)
  assert.deepEqual(lines, ['10.0.0.9 - - [03/Nov/2026:04:05:06 +0000] "-" 400 - "-" "-"\n'])
})

test('combined: hostile text is escaped byte by byte, so that it ends neither its field nor the line', () => {
  for (const text of HOSTILE) {
    const line = combined(
      call => {
        call.target = `/${text}`
        call.identity = { subject: text, headers: [], scopes: [], roles: [] }
      },
      ['User-Agent', text, 'Referer', text],
    )
    assert.match(line, /^[\x20-\x7e]+$/)
    const fields = COMBINED.exec(line)
    assert.ok(fields, line)
    const [, client, , user, , request, status, , referer, agent] = fields
    assert.deepEqual([client, status], ['10.0.0.9', '200'])
    assert.equal(decode(request!), headerBytes(`GET /${text} HTTP/1.1`))
    assert.equal(decode(referer!), headerBytes(text))
    assert.equal(decode(agent!), headerBytes(text))
    assert.equal(Buffer.from(decode(user!), 'latin1').toString(), text.toWellFormed())
  }
  assert.match(
    combined(() => {}, ['User-Agent', 'a"b\\c\n\xe9\x7f']),
    / "a\\x22b\\x5Cc\\x0A\\xE9\\x7F"$/,
  )
})

/** Reverses the escapes of a combined line. */
function decode(field: string): string {
  return field.replace(/\\x([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** Returns text as Node has header lines, a character for each byte. What no header can have is in UTF-8. */
function headerBytes(text: string): string {
  return text.replace(/[^\0-\xff]/g, char => Buffer.from(char).toString('latin1'))
}

test('logfmt: a line has time, level and message, and what the request has of the fields', () => {
  assert.equal(
    logfmt(undefined, call => {
      fill(call)
      call.failure = new Error('too many')
    }),
    'time=2026-11-03T04:05:06.789Z level=info ' +
      `pid=${process.pid} requestId=id-1 method=GET path=/user/1 http=1.1 status=200 route=r1 service=user node=n7 ` +
      'address=127.0.0.1:3000 attempts=2 upstreamMs=0.988 totalMs=1.235 client=10.0.0.9 tls=TLSv1.3 clientCert="CN=anna" ' +
      'user=anna fallback=true rpc=a.B/C grpcStatus=7 transcoded=true sentPath=/7 variant=stable variantWanted=canary ' +
      'encoding=br mirrored=true policy=rateLimit rule=hour limitLeft=0 limitStore=local observed=clients,cors ' +
      'trace_id=4bf92f35 span_id=00f067aa trace_flags=01 ' +
      'code=WG_RATE_LIMITED reason="too many" msg=request',
  )
  assert.equal(
    logfmt(['status', 'user', 'userAgent'], undefined, ['user-agent', '']),
    'time=2026-11-03T04:05:06.789Z level=info status=200 userAgent="" msg=request',
  )
})

test('logfmt: hostile text is quoted in ASCII, and read back as it was', () => {
  for (const text of HOSTILE) {
    const line = logfmt(['userAgent', 'status'], undefined, ['User-Agent', text])
    assert.match(line, /^[\x20-\x7e]+$/)
    const [, quoted] =
      /^\S+ level=info userAgent=("(?:[^"\\]|\\.)*"|[^" =]+) status=200 msg=request$/.exec(line) ?? []
    assert.ok(quoted, line)
    assert.equal(quoted.startsWith('"') ? JSON.parse(quoted) : quoted, text)
  }
})

test('json: chosen fields have the order of the choice; all of them are what a line has by default', () => {
  const json = (
    fields?: readonly (typeof ACCESS_LOG_FIELDS)[number][],
    change?: Change,
    headers?: string[],
  ) => lineOf(write => createFieldsLog({ write, now: () => NOW, format: 'json', fields }), change, headers)
  assert.equal(
    json(['status', 'bytes', 'referer', 'user'], call => void Object.assign(call, { bodyBytes: 7 }), [
      'Referer',
      'x',
    ]),
    `{"level":30,"time":${NOW},"status":200,"bytes":7,"referer":"x","msg":"request"}`,
  )
  const standard = (change?: Change) => lineOf(write => createAccessLog({ write, now: () => NOW }), change)
  const bare = (call: Call) => Object.assign(call, { route: testRoute({ id: 'r', service: '' }) })
  for (const change of [fill, bare, undefined]) {
    assert.equal(json(undefined, change), standard(change))
  }
  const { length } = Object.keys(JSON.parse(json(undefined, fill)))
  assert.equal(
    length,
    ACCESS_LOG_FIELDS.length - 3 + ['level', 'time', 'msg'].length,
    'every field is filled',
  )
})
